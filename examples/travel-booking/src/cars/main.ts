import { readEnvironment } from '../environment.js';
import { startOrExplain } from '../start.failure.js';
import { startCars } from './cars.service.js';

await startOrExplain(async () => {
  const cars = await startCars(readEnvironment(process.env));
  process.once('SIGTERM', () => void cars.close());
});
