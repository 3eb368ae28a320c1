import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { FlightsController } from './flights.controller.js';
import { CreateFlights1793000000000 } from './flights.migration.js';
import { FlightsService } from './flights.service.js';

@Module({ controllers: [FlightsController, HealthController], providers: [FlightsService] })
export class FlightsModule {
  static forRoot(environment: Environment): DynamicModule {
    const parts = { service: 'flights', migration: CreateFlights1793000000000 };
    return { module: FlightsModule, imports: serviceImports(environment, parts) };
  }
}
