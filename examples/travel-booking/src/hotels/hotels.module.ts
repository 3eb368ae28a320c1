import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { StockController } from '../stock/stock.controller.js';
import { CreateStock1793000000000 } from '../stock/stock.migration.js';
import { HotelsService } from './hotels.service.js';

@Module({ controllers: [StockController, HealthController], providers: [HotelsService] })
export class HotelsModule {
  static forRoot(environment: Environment): DynamicModule {
    const parts = { service: 'hotels', migration: CreateStock1793000000000 };
    return { module: HotelsModule, imports: serviceImports(environment, parts) };
  }
}
