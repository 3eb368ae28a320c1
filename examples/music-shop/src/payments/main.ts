import { startService } from '../service.start.js';
import { PaymentsModule } from './payments.module.js';

await startService((environment) => PaymentsModule.forRoot(environment));
