import { startService } from '../service.start.js';
import { HotelsModule } from './hotels.module.js';

await startService((environment) => HotelsModule.forRoot(environment));
