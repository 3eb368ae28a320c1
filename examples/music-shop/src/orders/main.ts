import { startService } from '../service.start.js';
import { OrdersModule } from './orders.module.js';

await startService((environment) => OrdersModule.forRoot(environment));
