import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Type } from '@nestjs/common';
import { Order } from '../orders/order.entity.js';
import { CreateOrders1793000000000 } from '../orders/orders.migration.js';
import { Charge } from '../payments/charge.entity.js';
import { CreatePayments1793000000000 } from '../payments/payments.migration.js';
import { Wallet } from '../payments/wallet.entity.js';
import type { ShopDatabases } from '../shop/invariants.js';
import { Reservation } from '../stock/reservation.entity.js';
import { CreateStock1793000000000 } from '../stock/stock.migration.js';
import { Title } from '../stock/title.entity.js';

/** The databases of the three services, empty. */
export interface TestShop {
  readonly orders: DataSource;
  readonly stock: DataSource;
  readonly payments: DataSource;
  readonly queries: ShopDatabases;
  readonly urls: Readonly<Record<keyof ShopDatabases, string>>;
  drop(): Promise<void>;
}

export async function createTestShop(): Promise<TestShop> {
  const [orders, stock, payments] = await Promise.all([
    open([Order], CreateOrders1793000000000),
    open([Title, Reservation], CreateStock1793000000000),
    open([Wallet, Charge], CreatePayments1793000000000),
  ]);
  return {
    orders: orders.source,
    stock: stock.source,
    payments: payments.source,
    queries: {
      orders: (statement) => orders.source.query(statement),
      stock: (statement) => stock.source.query(statement),
      payments: (statement) => payments.source.query(statement),
    },
    urls: { orders: orders.database.url, stock: stock.database.url, payments: payments.database.url },
    async drop() {
      await Promise.all([orders, stock, payments].map(close));
    },
  };
}

interface OpenDatabase {
  readonly database: TestDatabase;
  readonly source: DataSource;
}

async function open(entities: Type[], migration: Type<MigrationInterface>): Promise<OpenDatabase> {
  const database = await createTestDatabase();
  const source = new DataSource({
    type: 'postgres',
    url: database.url,
    entities,
    migrations: [migration],
    migrationsRun: true,
  });
  await source.initialize();
  return { database, source };
}

async function close({ database, source }: OpenDatabase): Promise<void> {
  await source.destroy();
  await database.drop();
}
