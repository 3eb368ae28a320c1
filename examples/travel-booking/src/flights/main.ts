import { startService } from '../service.start.js';
import { FlightsModule } from './flights.module.js';

await startService((environment) => FlightsModule.forRoot(environment));
