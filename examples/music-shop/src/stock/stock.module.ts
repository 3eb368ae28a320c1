import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { Reservation } from './reservation.entity.js';
import { StockController } from './stock.controller.js';
import { CreateStock1793000000000 } from './stock.migration.js';
import { StockService } from './stock.service.js';
import { Title } from './title.entity.js';

const parts = { service: 'stock', entities: [Title, Reservation], migrations: [CreateStock1793000000000] };

@Module({ controllers: [StockController, HealthController], providers: [StockService] })
export class StockModule {
  static forRoot(environment: Environment): DynamicModule {
    return { module: StockModule, imports: serviceImports(environment, parts) };
  }
}
