import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { AtoneLifecycle, type TransactionView } from '@atone/nestjs';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { Pool } from 'pg';
import { CREATE_LINES, roomsModule, Trips, tripsModule } from './led.services.js';
import { LossyProxy } from './lossy.proxy.js';
import { openPool } from './open.pool.js';
import { TestCoordinator } from './test.coordinator.js';
import { until } from './until.js';

const LINES_OF = `select branch_id || ' ' || what || ' ' || state as text from line where gid = $1 order by line`;

/** A coordinator, a service that leads and one that takes part, each with a database of its own, and a network between them. */
export class LedWorld {
  private constructor(
    private readonly parts: {
      readonly coordinator: TestCoordinator;
      readonly databases: readonly TestDatabase[];
      readonly pools: readonly Pool[];
      /** Between the service that leads and the other one. */
      readonly proxy: LossyProxy;
    },
    private readonly apps: { readonly rooms: INestApplication; readonly trips: INestApplication },
    /** Where the other takes requests of people. */
    private readonly roomsUrl: string,
  ) {}

  static async start(newAdapter: () => AbstractHttpAdapter): Promise<LedWorld> {
    const databases = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()]);
    const [log, ofRooms, ofTrips] = databases;
    const pools = [openPool(ofRooms.url, 2), openPool(ofTrips.url, 2)];
    const [coordinator, proxy] = await Promise.all([
      TestCoordinator.start({ databaseUrl: log.url }),
      LossyProxy.start(),
      ...pools.map(async (pool) => pool.query(CREATE_LINES)),
    ]);
    const shared = { coordinatorUrl: coordinator.url, services: { rooms: proxy.url } };
    const start = async (module: DynamicModule): Promise<INestApplication> => {
      const app = await NestFactory.create(module, newAdapter(), { logger: false, abortOnError: false });
      return app.listen(0, '127.0.0.1').then(() => app);
    };
    const rooms = await start(roomsModule({ ...shared, databaseUrl: ofRooms.url }));
    const trips = await start(tripsModule({ ...shared, databaseUrl: ofTrips.url }));
    proxy.standBefore(new URL(rooms.get(AtoneLifecycle).commandUrl ?? '').origin);
    await until('both services are in the catalogue', async () => {
      return (await coordinator.client.participants()).length === 2;
    });
    return new LedWorld({ coordinator, databases, pools, proxy }, { rooms, trips }, await rooms.getUrl());
  }

  get coordinator(): TestCoordinator {
    return this.parts.coordinator;
  }

  get proxy(): LossyProxy {
    return this.parts.proxy;
  }

  get trips(): Trips {
    return this.apps.trips.get(Trips);
  }

  /** Books a party at the plain controller, by the global `fetch`. */
  async bookParty(...rooms: readonly string[]): Promise<number> {
    const { status } = await fetch(`${this.roomsUrl}/parties`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rooms }),
    });
    return status;
  }

  /** What was done for a transaction in both databases, rooms first: `1 suite sold`. */
  async linesOf(gid: string): Promise<readonly string[]> {
    const results = await Promise.all(
      this.parts.pools.map(async (pool) => pool.query<{ text: string }>(LINES_OF, [gid])),
    );
    return results.flatMap(({ rows }) => rows.map(({ text }) => text));
  }

  /** Returns the transaction once it has ended. */
  async ended(gid: string): Promise<TransactionView> {
    return until(`transaction ${gid} has ended`, async () => {
      const view = await this.coordinator.client.get(gid);
      return view.endedAt === undefined ? undefined : view;
    });
  }

  async close(): Promise<void> {
    const { coordinator, databases, pools, proxy } = this.parts;
    await this.apps.trips.close();
    await this.apps.rooms.close();
    await proxy.close();
    await coordinator.close();
    await Promise.all(pools.map(async (pool) => pool.end()));
    await Promise.all(databases.map(async (database) => database.drop()));
  }
}
