import 'reflect-metadata';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import {
  Action,
  action,
  AtoneModule,
  contract,
  databaseFrom,
  RefusedError,
  saga,
  Sagas,
  type BranchContext,
  type Undo,
} from '@atone/nestjs';
import { typeormDatabase } from '@atone/nestjs/typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Injectable, Logger, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { AtoneTestingModule, createTestingCoordinator, TestingCoordinator } from './index.js';

/*
 * A small application as a newcomer would write it, and its tests. Nothing in it knows that it is tested.
 */

const seats = contract('seats', {
  book: action({ input: z.object({ show: z.string() }), output: z.object({ seat: z.int() }) }),
});
const payments = contract('payments', {
  charge: action({ input: z.object({ account: z.string(), cents: z.int() }), output: z.null() }),
});

const Ticket = z.object({ id: z.string(), show: z.string(), account: z.string() });
type Ticket = z.infer<typeof Ticket>;

const sellTicket = saga('sell-ticket', Ticket)
  .step('seat', seats.book, (ticket) => ({ show: ticket.show }))
  .step('pay', payments.charge, (ticket) => ({ account: ticket.account, cents: 1_500 }));

@Injectable()
class Seats {
  @Action(seats.book, { compensate: 'free' })
  async book(input: { show: string }, branch: BranchContext<EntityManager>): Promise<{ seat: number }> {
    if (input.show === 'sold out') {
      throw new RefusedError('sold out');
    }
    const [row] = await branch.transaction.query<{ seat: number }[]>(
      'insert into seat (show) values ($1) returning seat',
      [input.show],
    );
    return { seat: row?.seat ?? 0 };
  }

  async free({ output, transaction }: Undo<typeof seats.book, EntityManager>): Promise<void> {
    await transaction.query('delete from seat where seat = $1', [output?.seat]);
  }
}

@Injectable()
class BoxOffice {
  constructor(private readonly sagas: Sagas) {}

  async sell(ticket: Ticket): Promise<{ gid: string; seat: number }> {
    const { gid, outcome, outputs, abort } = await this.sagas.submit(sellTicket, ticket, {
      idempotencyKey: ticket.id,
      wait: '10m',
    });
    if (outcome !== 'committed' || outputs.seat === undefined) {
      throw new Error(abort?.message ?? 'not yet');
    }
    return { gid, seat: outputs.seat.seat };
  }
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function theatre() {
  @Module({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: database.url, poolSize: 20 }),
      AtoneModule.forRoot({
        service: 'seats',
        coordinator: { url: 'http://coordinator.invalid:7070' },
        database: databaseFrom(DataSource, typeormDatabase),
        listen: { port: 9101 },
        barrier: { migrate: true },
      }),
    ],
    providers: [Seats, BoxOffice],
  })
  class TheatreModule {}
  return TheatreModule;
}

describe('a service in a test of its author', () => {
  let app: TestingModule;
  let atone: TestingCoordinator;
  let office: BoxOffice;

  beforeAll(async () => {
    app = await Test.createTestingModule({ imports: [theatre(), AtoneTestingModule] }).compile();
    await app.init();
    await app.get(DataSource).query('create table seat (seat serial primary key, show text not null)');
    office = app.get(BoxOffice);
    atone = app.get(TestingCoordinator);
    atone.stub(payments, { charge: () => null });
  });
  beforeEach(() => atone.reset());
  afterEach(() => app.get(DataSource).query('truncate seat'));
  afterAll(() => app.close());

  async function takenSeats(): Promise<number> {
    const rows = await app.get(DataSource).query<unknown[]>('select seat from seat');
    return rows.length;
  }

  function sell(id: string, show = 'Hamlet') {
    return office.sell({ id, show, account: 'ann' });
  }

  test('sells a ticket by the handlers and the database that it has', async () => {
    const { seat } = await sell('t-1');

    expect(seat).toBeGreaterThan(0);
    expect(await takenSeats()).toBe(1);
  });

  test('frees the seat when the payment is refused', async () => {
    atone.failAt(payments.charge, 'refuse', { reason: 'no credit' });

    await expect(sell('t-2')).rejects.toThrow('no credit');
    expect(await takenSeats()).toBe(0);
  });

  test('takes one seat, though its answer was lost', async () => {
    atone.failAt(seats.book, 'after-effect');

    const { gid } = await sell('t-3');

    expect(await takenSeats()).toBe(1);
    expect((await atone.history(gid)).split('\n')).toEqual([
      'accepted',
      'seat unknown – unreachable: The connection broke, and with it the answer was lost.',
      'seat done (attempt 2)',
      'pay done',
      'committed',
    ]);
  });

  test('passes on what its own code refuses', async () => {
    await expect(sell('t-4', 'sold out')).rejects.toThrow('sold out');
  });

  test('has as many seats taken as tickets sold, wherever something crashes', async () => {
    const { points } = await atone.everyCrashPoint(
      (run) => sell(`ticket-${run}`),
      async ({ transactions }) => {
        const soldCount = transactions.filter(({ outcome }) => outcome === 'committed').length;
        expect(await takenSeats()).toBe(soldCount);
      },
      { before: () => app.get(DataSource).query('truncate seat') },
    );

    expect(points).toContain('seats crashes at participant.action.beforeCommit of seat #1');
  });

  test('has in its log what its code does wrong, and no crash that a test has planned', async () => {
    const errors: string[] = [];
    Logger.overrideLogger({ log: () => 0, warn: () => 0, error: (line: string) => errors.push(line) });
    atone.failAt(seats.book, 'crash');
    await sell('t-5');
    await app.get(DataSource).query('alter table seat rename to chair');

    await expect(sell('t-6')).rejects.toThrow('does not exist');

    Logger.overrideLogger(true);
    await app.get(DataSource).query('alter table chair rename to seat');
    expect(errors).toEqual([expect.stringMatching(/relation .*seat.* does not exist/u)]);
  });
});

describe('two services', () => {
  test('share one coordinator', async () => {
    const atone = createTestingCoordinator();
    atone.stub(payments, { charge: () => null });
    const theatreApp = await Test.createTestingModule({
      imports: [theatre(), AtoneTestingModule.with(atone)],
    }).compile();
    const webApp = await Test.createTestingModule({
      imports: [
        AtoneModule.forRoot({ service: 'web', coordinator: { url: 'http://coordinator.invalid' } }),
        AtoneTestingModule.with(atone),
      ],
    }).compile();
    await theatreApp.init();
    await webApp.init();

    const ticket = { id: 't-7', show: 'Hamlet', account: 'ann' };
    const { outcome, transaction } = await webApp.get(Sagas).submit(sellTicket, ticket, { wait: '1m' });

    expect({ outcome, initiator: transaction.initiator }).toEqual({ outcome: 'committed', initiator: 'web' });
    expect(webApp.get(TestingCoordinator)).toBe(atone);
    await Promise.all([theatreApp.close(), webApp.close()]);
  });

  test.each([
    { what: 'one of its own', other: () => AtoneTestingModule },
    { what: 'another one', other: () => AtoneTestingModule.with(createTestingCoordinator()) },
  ])('have no shared coordinator and $what', async ({ other }) => {
    const shared = AtoneTestingModule.with(createTestingCoordinator());

    const compiling = Test.createTestingModule({ imports: [shared, other()] }).compile();

    await expect(compiling).rejects.toThrow('Import either AtoneTestingModule or AtoneTestingModule.with(…)');
  });

  test('may be told of their shared coordinator more than once', async () => {
    const atone = createTestingCoordinator();

    const app = await Test.createTestingModule({
      imports: [AtoneTestingModule.with(atone), AtoneTestingModule.with(atone)],
    }).compile();

    expect(app.get(TestingCoordinator)).toBe(atone);
  });
});
