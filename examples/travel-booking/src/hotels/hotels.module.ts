import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { HotelsController } from './hotels.controller.js';
import { CreateHotels1793000000000 } from './hotels.migration.js';
import { HotelsService } from './hotels.service.js';

@Module({ controllers: [HotelsController, HealthController], providers: [HotelsService] })
export class HotelsModule {
  static forRoot(environment: Environment): DynamicModule {
    const parts = { service: 'hotels', migration: CreateHotels1793000000000 };
    return { module: HotelsModule, imports: serviceImports(environment, parts) };
  }
}
