import { startService } from '../service.start.js';
import { StockModule } from './stock.module.js';

await startService((environment) => StockModule.forRoot(environment));
