import { pgDatabase } from '@atone/participant/pg';
import { AtoneTestingModule, createTestingCoordinator, type TestingCoordinator } from '@atone/testing/nestjs';
import type { DynamicModule } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { RefusedError } from '@atone/nestjs';
import { BookingsModule } from '../bookings/bookings.module.js';
import { InsuranceClient } from '../bookings/insurance.client.js';
import { TripsController } from '../bookings/trips.controller.js';
import { holdCar } from '../cars/cars.service.js';
import type { Environment } from '../environment.js';
import { FlightsModule } from '../flights/flights.module.js';
import { HotelsModule } from '../hotels/hotels.module.js';
import { StockController } from '../stock/stock.controller.js';
import { createTestAgency, type TestAgency } from './agency.databases.js';

/** The services as they are, each with its own database, and a coordinator in memory. Only the insurance is not there. */
export interface RunningAgency {
  readonly atone: TestingCoordinator;
  readonly databases: TestAgency;
  readonly trips: TripsController;
  readonly flights: StockController;
  readonly hotels: StockController;
  close(): Promise<void>;
}

/** It has no library, and needs a coordinator that is reached by HTTP. This one insures nobody. */
const NO_INSURANCE = {
  buy: async (): Promise<number> => {
    throw new RefusedError('too dear to insure');
  },
};

export async function openAgency(): Promise<RunningAgency> {
  const atone = createTestingCoordinator();
  const databases = await createTestAgency();
  const { urls, pools } = databases;
  atone.serve({ service: 'cars', database: pgDatabase(pools.cars), handlers: [holdCar] });
  const [flights, hotels, bookings] = await Promise.all([
    start(FlightsModule.forRoot(environmentOf(urls.flights)), atone),
    start(HotelsModule.forRoot(environmentOf(urls.hotels)), atone),
    start(BookingsModule.forRoot(environmentOf(urls.bookings)), atone),
  ]);
  return {
    atone,
    databases,
    trips: bookings.get(TripsController),
    flights: flights.get(StockController),
    hotels: hotels.get(StockController),
    async close() {
      await Promise.all([flights.close(), hotels.close(), bookings.close()]);
      await databases.drop();
    },
  };
}

async function start(module: DynamicModule, atone: TestingCoordinator): Promise<TestingModule> {
  const app = await Test.createTestingModule({ imports: [module, AtoneTestingModule.with(atone)] })
    .overrideProvider(InsuranceClient)
    .useValue(NO_INSURANCE)
    .compile();
  return app.init();
}

/** Neither the coordinator nor the ports are used: {@link AtoneTestingModule} takes their place. */
function environmentOf(databaseUrl: string): Environment {
  return {
    DATABASE_URL: databaseUrl,
    COORDINATOR_URL: 'http://coordinator.test',
    INSURANCE_URL: 'http://insurance.test',
    PORT: 0,
    COMMANDS_PORT: 0,
  };
}
