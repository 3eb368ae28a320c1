import { Module, type DynamicModule } from '@nestjs/common';
import type { Environment } from '../environment.js';
import { HealthController } from '../health.controller.js';
import { serviceImports } from '../service.imports.js';
import { Order } from './order.entity.js';
import { OrdersController } from './orders.controller.js';
import { CreateOrders1793000000000 } from './orders.migration.js';
import { OrdersService } from './orders.service.js';

const parts = { service: 'orders', entities: [Order], migrations: [CreateOrders1793000000000] };

@Module({ controllers: [OrdersController, HealthController], providers: [OrdersService] })
export class OrdersModule {
  static forRoot(environment: Environment): DynamicModule {
    return { module: OrdersModule, imports: serviceImports(environment, parts) };
  }
}
