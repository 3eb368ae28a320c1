import { readEnvironment } from '../environment.js';
import { startCars } from './cars.service.js';

const cars = await startCars(readEnvironment(process.env));
process.once('SIGTERM', () => void cars.close());
