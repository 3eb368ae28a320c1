import { readEnvironment } from '../environment.js';
import { startOrExplain } from '../start.failure.js';
import { startInsurance } from './insurance.service.js';

await startOrExplain(async () => {
  const { DATABASE_URL, COORDINATOR_URL, PORT } = readEnvironment(process.env);
  const insurance = await startInsurance(DATABASE_URL, COORDINATOR_URL, PORT);
  process.once('SIGTERM', () => void insurance.close());
});
