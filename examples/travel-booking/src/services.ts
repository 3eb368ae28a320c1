import { BookingsModule } from './bookings/bookings.module.js';
import { startCars } from './cars/cars.service.js';
import type { Environment } from './environment.js';
import { FlightsModule } from './flights/flights.module.js';
import { HotelsModule } from './hotels/hotels.module.js';
import { startInsurance } from './insurance/insurance.service.js';
import { openService } from './service.start.js';

type ServiceName = 'flights' | 'hotels' | 'cars' | 'insurance' | 'bookings';

/** The five services, running. */
export interface Agency {
  /** Where each service's own API is. */
  readonly urls: Readonly<Record<ServiceName, string>>;
  close(): Promise<void>;
}

/** Starts the five services in this process, each on its own database: for tests, which want no processes to wait for. */
export async function startAgency(
  databaseUrls: Readonly<Record<ServiceName, string>>,
  coordinatorUrl: string,
): Promise<Agency> {
  const insurance = await startInsurance(databaseUrls.insurance, coordinatorUrl, 0);
  const environmentOf = (name: ServiceName): Environment => ({
    DATABASE_URL: databaseUrls[name],
    COORDINATOR_URL: coordinatorUrl,
    INSURANCE_URL: insurance.url,
    PORT: 0,
    COMMANDS_PORT: 0,
  });
  const [cars, ...apps] = await Promise.all([
    startCars(environmentOf('cars'), false),
    openService(FlightsModule.forRoot(environmentOf('flights')), 0, { logger: false }),
    openService(HotelsModule.forRoot(environmentOf('hotels')), 0, { logger: false }),
    openService(BookingsModule.forRoot(environmentOf('bookings')), 0, { logger: false }),
  ]);
  const [flights, hotels, bookings] = await Promise.all(apps.map((app) => app.getUrl()));
  return {
    urls: {
      flights: flights ?? '',
      hotels: hotels ?? '',
      bookings: bookings ?? '',
      cars: cars.url,
      insurance: insurance.url,
    },
    async close() {
      await Promise.all([...apps, cars, insurance].map((service) => service.close()));
    },
  };
}
