import { AtoneTestingModule, createTestingCoordinator, type TestingCoordinator } from '@atone/testing/nestjs';
import type { DynamicModule } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Environment } from '../environment.js';
import { OrdersController } from '../orders/orders.controller.js';
import { OrdersModule } from '../orders/orders.module.js';
import { PaymentsController } from '../payments/payments.controller.js';
import { PaymentsModule } from '../payments/payments.module.js';
import { StockController } from '../stock/stock.controller.js';
import { StockModule } from '../stock/stock.module.js';
import { createTestShop, type TestShop } from './shop.databases.js';

/** The three services as they are, each with its own database, and a coordinator in memory. */
export interface RunningShop {
  readonly atone: TestingCoordinator;
  readonly databases: TestShop;
  readonly orders: OrdersController;
  readonly stock: StockController;
  readonly payments: PaymentsController;
  close(): Promise<void>;
}

export async function openShop(): Promise<RunningShop> {
  const atone = createTestingCoordinator();
  const databases = await createTestShop();
  const { urls } = databases;
  const open = (module: DynamicModule): Promise<TestingModule> => start(module, atone);
  const [orders, stock, payments] = await Promise.all([
    open(OrdersModule.forRoot(environmentOf(urls.orders))),
    open(StockModule.forRoot(environmentOf(urls.stock))),
    open(PaymentsModule.forRoot(environmentOf(urls.payments))),
  ]);
  return {
    atone,
    databases,
    orders: orders.get(OrdersController),
    stock: stock.get(StockController),
    payments: payments.get(PaymentsController),
    async close() {
      await Promise.all([orders.close(), stock.close(), payments.close()]);
      await databases.drop();
    },
  };
}

async function start(module: DynamicModule, atone: TestingCoordinator): Promise<TestingModule> {
  const app = await Test.createTestingModule({ imports: [module, AtoneTestingModule.with(atone)] }).compile();
  return app.init();
}

/** Neither the coordinator nor the ports are used: {@link AtoneTestingModule} takes their place. */
function environmentOf(databaseUrl: string): Environment {
  return {
    DATABASE_URL: databaseUrl,
    COORDINATOR_URL: 'http://coordinator.test',
    HOST: '127.0.0.1',
    PORT: 0,
    COMMANDS_PORT: 0,
  };
}
