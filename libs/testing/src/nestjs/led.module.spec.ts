import 'reflect-metadata';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import {
  Action,
  action,
  AtoneModule,
  contract,
  databaseFrom,
  GlobalTransaction,
  InjectClient,
  Try,
  tryAction,
  type BranchContext,
  type Confirm,
  type ServiceClient,
  type Undo,
} from '@atone/nestjs';
import { pgDatabase } from '@atone/nestjs/pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { z } from 'zod';
import { AtoneTestingModule, createTestingCoordinator, type TestingCoordinator } from './index.js';

/*
 * Two services in NestJS, each with a PostgreSQL of its own, and one that leads. Nothing in them knows that it is tested.
 */

const Trip = z.object({ trip: z.string() });
const rooms = contract('rooms', { hold: tryAction({ input: Trip, output: z.object({ no: z.int() }) }) });
const miles = contract('miles', { spend: action({ input: Trip, output: z.null() }) });

type Trip = z.infer<typeof Trip>;
type Db = pg.PoolClient;

@Injectable()
class Rooms {
  @Try(rooms.hold, { confirm: 'sell', cancel: 'release' })
  async hold({ trip }: Trip, { transaction }: BranchContext<Db>): Promise<{ no: number }> {
    const { rows } = await transaction.query<{ no: number }>(
      `insert into room (trip, state) values ($1, 'held') returning no`,
      [trip],
    );
    return { no: rows[0]?.no ?? 0 };
  }

  async sell({ output, transaction }: Confirm<typeof rooms.hold, Db>): Promise<void> {
    await transaction.query(`update room set state = state || ' sold' where no = $1`, [output.no]);
  }

  async release({ output, transaction }: Undo<typeof rooms.hold, Db>): Promise<void> {
    await transaction.query('delete from room where no = $1', [output?.no]);
  }
}

@Injectable()
class Miles {
  @Action(miles.spend, { compensate: 'giveBack' })
  async spend({ trip }: Trip, { transaction }: BranchContext<Db>): Promise<null> {
    await transaction.query('insert into mile (trip) values ($1)', [trip]);
    return null;
  }

  async giveBack({ input, transaction }: Undo<typeof miles.spend, Db>): Promise<void> {
    await transaction.query('delete from mile where trip = $1', [input.trip]);
  }
}

@Injectable()
class Trips {
  constructor(
    @InjectClient(rooms) private readonly roomService: ServiceClient<typeof rooms>,
    @InjectClient(miles) private readonly mileService: ServiceClient<typeof miles>,
  ) {}

  @GlobalTransaction({ name: 'book-trip', timeout: '30s' })
  async book(trip: string): Promise<number> {
    const [{ no }] = await Promise.all([this.roomService.hold({ trip }), this.mileService.spend({ trip })]);
    return no;
  }
}

const coordinator = { url: 'http://coordinator.invalid:7070' };

interface Service {
  readonly name: string;
  readonly provider: new () => object;
  readonly table: string;
}

const SERVICES: readonly Service[] = [
  {
    name: 'rooms',
    provider: Rooms,
    table: 'create table room (no serial primary key, trip text, state text)',
  },
  { name: 'miles', provider: Miles, table: 'create table mile (trip text)' },
];

let atone: TestingCoordinator;
let databases: readonly TestDatabase[];
let pools: readonly pg.Pool[];
let apps: readonly TestingModule[];

function moduleOf({ name, provider }: Service, pool: pg.Pool) {
  @Module({ providers: [{ provide: pg.Pool, useValue: pool }], exports: [pg.Pool] })
  class PoolModule {}

  @Module({
    imports: [
      PoolModule,
      AtoneModule.forRoot({
        service: name,
        coordinator,
        database: databaseFrom(pg.Pool, pgDatabase),
        listen: { port: 9101 },
        barrier: { migrate: true },
      }),
    ],
    providers: [provider],
  })
  class ServiceModule {}
  return ServiceModule;
}

@Module({
  imports: [AtoneModule.forRoot({ service: 'trips', coordinator, clients: [rooms, miles] })],
  providers: [Trips],
})
class TripsModule {}

beforeAll(async () => {
  atone = createTestingCoordinator();
  databases = await Promise.all(SERVICES.map(() => createTestDatabase()));
  pools = databases.map(({ url }) => new pg.Pool({ connectionString: url, max: 10 }));
  await Promise.all(pools.map((pool, position) => pool.query(SERVICES[position]?.table ?? '')));
  const modules = [
    ...SERVICES.map((service, at) => moduleOf(service, pools[at] ?? new pg.Pool())),
    TripsModule,
  ];
  apps = await Promise.all(
    modules.map((module) =>
      Test.createTestingModule({ imports: [module, AtoneTestingModule.with(atone)] }).compile(),
    ),
  );
  await Promise.all(apps.map((app) => app.init()));
});
beforeEach(() => atone.reset());
afterEach(async () => {
  await pools[0]?.query('truncate room');
  await pools[1]?.query('truncate mile');
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await Promise.all(pools.map((pool) => pool.end()));
  await Promise.all(databases.map((database) => database.drop()));
});

function book(trip: string): Promise<number> {
  const [trips] = apps.slice(-1);
  return trips?.get(Trips).book(trip) ?? Promise.resolve(0);
}

async function booksOf(trip: string): Promise<{ readonly rooms: readonly string[]; readonly miles: number }> {
  const found = await pools[0]?.query<{ state: string }>('select state from room where trip = $1', [trip]);
  const spent = await pools[1]?.query('select from mile where trip = $1', [trip]);
  return { rooms: found?.rows.map(({ state }) => state) ?? [], miles: spent?.rowCount ?? 0 };
}

test('a method with @GlobalTransaction commits over services of other applications, in memory', async () => {
  const no = await book('t-1');
  await atone.quiet();

  expect(no).toBeGreaterThan(0);
  expect(await booksOf('t-1')).toEqual({ rooms: ['held sold'], miles: 1 });
});

test('what one of them has done is undone when the other one refuses', async () => {
  atone.failAt(miles.spend, 'refuse', { reason: 'no miles' });

  await expect(book('t-2')).rejects.toThrow('no miles');
  await atone.quiet();

  expect(await booksOf('t-2')).toEqual({ rooms: [], miles: 0 });
});

test('deadlines in PostgreSQL go by the time of the test', async () => {
  const fault = atone.failAt(rooms.hold, 'before-effect', { op: 'confirm', times: Infinity });
  await book('t-3');
  await atone.advance('20s');
  const inTime = await inDoubt();

  await atone.advance('20s');
  const late = await inDoubt();
  fault.lift();
  await atone.quiet();

  expect([inTime, late]).toEqual([{ askCount: 0 }, { askCount: expect.any(Number) }]);
  expect(late?.askCount).toBeGreaterThan(0);
  expect(await booksOf('t-3')).toEqual({ rooms: ['held sold'], miles: 1 });
});

/** Returns how often the room that is in doubt was asked about. */
async function inDoubt(): Promise<{ readonly askCount: number } | undefined> {
  const found = await pools[0]?.query<{ askCount: number }>(
    'select ask_count as "askCount" from atone.barrier where doubt_at is not null',
  );
  return found?.rows[0];
}

test('each crash point leaves a trip booked, or nothing of it', async () => {
  const { points } = await atone.everyCrashPoint(
    (run) => book(`trip-${run}`),
    async ({ run }) => {
      const books = await booksOf(`trip-${run}`);
      expect(books).toEqual(books.miles === 1 ? { rooms: ['held sold'], miles: 1 } : { rooms: [], miles: 0 });
    },
  );

  expect(points).toContain('initiator crashes, and rooms crashes at participant.doubt.afterVerdict #1');
}, 30_000);
