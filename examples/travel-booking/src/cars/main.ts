import { readEnvironment } from '../environment.js';
import { startCars } from './cars.service.js';

const { DATABASE_URL, COORDINATOR_URL, PORT } = readEnvironment(process.env);
const cars = await startCars(DATABASE_URL, COORDINATOR_URL, PORT);
process.once('SIGTERM', () => void cars.close());
