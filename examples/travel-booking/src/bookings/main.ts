import { startService } from '../service.start.js';
import { BookingsModule } from './bookings.module.js';

await startService((environment) => BookingsModule.forRoot(environment));
