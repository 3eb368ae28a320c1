import { Module, type DynamicModule } from '@nestjs/common';
import { bookings, cars, flights, hotels } from '../contracts.js';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { CreateBookings1793000000000 } from './bookings.migration.js';
import { BookingsService } from './bookings.service.js';
import { CarRental } from './car.rental.js';
import { InsuranceClient } from './insurance.client.js';
import { TripsController } from './trips.controller.js';
import { TripsService } from './trips.service.js';

@Module({
  controllers: [TripsController, HealthController],
  providers: [BookingsService, CarRental, TripsService],
})
export class BookingsModule {
  static forRoot(environment: Environment): DynamicModule {
    const { INSURANCE_URL: insuranceUrl } = environment;
    const parts = {
      service: 'bookings',
      migration: CreateBookings1793000000000,
      clients: [flights, hotels, cars, bookings],
      // It knows what to do with a request that comes twice, so one without an answer is sent again.
      propagation: { to: (url: URL) => url.origin === new URL(insuranceUrl).origin },
    };
    return {
      module: BookingsModule,
      imports: serviceImports(environment, parts),
      providers: [{ provide: InsuranceClient, useFactory: () => new InsuranceClient(insuranceUrl) }],
    };
  }
}
