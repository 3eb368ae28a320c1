import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { migrateBarrier } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import { Pool } from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Type } from '@nestjs/common';
import type { TravelDatabases } from '../agency/invariants.js';
import { CreateBookings1793000000000 } from '../bookings/bookings.migration.js';
import { Policies } from '../insurance/policies.js';
import { CreateStock1793000000000 } from '../stock/stock.migration.js';

type ServiceName = keyof TravelDatabases;

const NAMES = ['flights', 'hotels', 'cars', 'insurance', 'bookings'] as const;

const MIGRATIONS: Readonly<Record<Exclude<ServiceName, 'insurance'>, Type<MigrationInterface>>> = {
  flights: CreateStock1793000000000,
  hotels: CreateStock1793000000000,
  cars: CreateStock1793000000000,
  bookings: CreateBookings1793000000000,
};

/** The databases of the five services, with their tables. */
export interface TestAgency {
  readonly pools: Readonly<Record<ServiceName, Pool>>;
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly queries: TravelDatabases;
  drop(): Promise<void>;
}

export async function createTestAgency(): Promise<TestAgency> {
  const databases = await Promise.all(NAMES.map(() => createTestDatabase()));
  const pools = databases.map(({ url }) => openPool(url));
  await Promise.all(NAMES.map((name, position) => migrate(name, databases[position], pools[position])));
  const poolOf = (name: ServiceName): Pool => pools[NAMES.indexOf(name)] ?? openPool('');
  const byName = <Value>(valueOf: (name: ServiceName) => Value) =>
    Object.fromEntries(NAMES.map((name) => [name, valueOf(name)])) as Record<ServiceName, Value>;
  return {
    pools: byName(poolOf),
    urls: byName((name) => databases[NAMES.indexOf(name)]?.url ?? ''),
    queries: byName((name) => async (statement: string) => {
      const { rows } = await poolOf(name).query<Record<string, unknown>>(statement);
      return rows;
    }),
    async drop() {
      await Promise.all(pools.map((pool) => pool.end()));
      await Promise.all(databases.map((database) => database.drop()));
    },
  };
}

async function migrate(
  name: ServiceName,
  database: TestDatabase | undefined,
  pool: Pool | undefined,
): Promise<void> {
  if (database === undefined || pool === undefined) {
    return;
  }
  if (name === 'insurance') {
    await new Policies(pool).open();
    return;
  }
  await migrateBarrier(pgDatabase(pool));
  const source = new DataSource({
    type: 'postgres',
    url: database.url,
    migrations: [MIGRATIONS[name]],
    migrationsRun: true,
  });
  await source.initialize();
  await source.destroy();
}

function openPool(connectionString: string): Pool {
  const pool = new Pool({ connectionString, max: 10 });
  // A connection may close after the database that it belongs to.
  pool.on('error', () => undefined);
  return pool;
}
