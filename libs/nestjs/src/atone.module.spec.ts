import 'reflect-metadata';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Inject, Injectable, Logger, Module, type DynamicModule, type Type } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { action, contract, RefusedError, saga, type BranchContext, type Undo } from '@atone/participant';
import { typeormDatabase } from '@atone/participant/typeorm';
import { COMMANDS_PATH, HEADERS, signRequest } from '@atone/protocol';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { Action } from './action.decorator.js';
import { AtoneLifecycle } from './atone.lifecycle.js';
import { AtoneModule } from './atone.module.js';
import { databaseFrom, type AtoneOptions } from './atone.options.js';
import { Participation } from './participation.js';
import { Sagas } from './sagas.service.js';
import { startFakeCoordinator, type FakeCoordinator } from './testing/coordinator.fixture.js';

const Charge = z.object({ account: z.string(), cents: z.int() });
const Receipt = z.object({ chargeId: z.int() });
type Charge = z.infer<typeof Charge>;
type Receipt = z.infer<typeof Receipt>;

const payments = contract('payments', {
  charge: action({ input: Charge, output: Receipt }),
  notify: action({ input: z.object({ account: z.string() }), output: z.void() }),
});

@Injectable()
class Payments {
  readonly gate = new EventEmitter();

  constructor(@Inject('LIMIT') private readonly limit: number) {}

  @Action(payments.charge, { compensate: 'refund' })
  async charge(input: Charge, branch: BranchContext<EntityManager>): Promise<Receipt> {
    if (input.cents > this.limit) {
      throw new RefusedError('too much', { limit: this.limit });
    }
    if (input.account === 'none') {
      throw new TypeError('no account');
    }
    if (input.account === 'slow') {
      this.gate.emit('entered');
      await once(this.gate, 'opened');
    }
    const [row] = await branch.transaction.query<{ id: number }[]>(
      'insert into charge (account, cents) values ($1, $2) returning id',
      [input.account, input.cents],
    );
    return { chargeId: row?.id ?? 0 };
  }

  async refund(undo: Undo<typeof payments.charge, EntityManager>): Promise<void> {
    await undo.transaction.query('delete from charge where id = $1', [undo.output?.chargeId]);
  }

  @Action(payments.notify, { compensate: 'none' })
  async notify(): Promise<void> {}
}

@Module({ providers: [Payments, { provide: 'LIMIT', useValue: 1_000 }] })
class PaymentsModule {}

const KEY = { keyId: 'k1', secret: 'for tests only' };
const CREATE_CHARGE =
  'create table charge (id serial primary key, account text not null, cents int not null)';

let testDatabase: TestDatabase;
let coordinator: FakeCoordinator;

beforeAll(async () => {
  [testDatabase, coordinator] = await Promise.all([createTestDatabase(), startFakeCoordinator()]);
  await withDatabase((source) => source.query(CREATE_CHARGE));
});

afterAll(async () => {
  coordinator.server.close();
  await testDatabase.drop();
});

describe('a service', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const module = await compile([PaymentsModule, typeOrm(), atone({ barrier: { migrate: true } })]);
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.enableShutdownHooks();
    await app.listen(0, '127.0.0.1');
    url = app.get(AtoneLifecycle).commandUrl ?? '';
  });

  afterAll(() => app.close());

  test('is entered in the catalogue with its actions', async () => {
    const entry = await coordinator.registered;

    expect(entry).toMatchObject({
      instance: 'p1',
      baseUrl: new URL(url).origin,
      kind: 'library',
      actions: [
        { name: 'charge', hasCompensation: true, inputSchema: { type: 'object' } },
        { name: 'notify', hasCompensation: false },
      ],
    });
  });

  test('carries out an action once, however often it is told to', async () => {
    const command = charge(1, { account: 'ada', cents: 500 });

    const first = await send(url, command);
    const again = await send(url, { ...command, attempt: 2 });

    expect(first).toMatchObject({
      status: 200,
      reply: { outcome: 'done', output: { chargeId: expect.any(Number) } },
    });
    expect(again.reply).toEqual(first.reply);
    expect(await chargedCount('ada')).toBe(1);
  });

  test('refuses, and keeps nothing but the refusal', async () => {
    const answer = await send(url, charge(2, { account: 'bob', cents: 5_000 }));

    expect(answer.reply).toEqual({
      outcome: 'refused',
      refusal: { reason: 'too much', details: { limit: 1_000 }, isStored: true },
    });
    expect(await chargedCount('bob')).toBe(0);
  });

  test('logs which branch failed, and where in the code', async () => {
    const errors: unknown[][] = [];
    Logger.overrideLogger({ log: () => 0, warn: () => 0, error: (...parts) => errors.push(parts) });
    const command = charge(7, { account: 'none', cents: 1 });

    await send(url, command).finally(() => Logger.overrideLogger(true));

    expect(errors).toEqual([
      [
        expect.stringMatching(
          new RegExp(
            `^branch execution failed \\(gid=${command.gid} branchId=charge op=action .* class=code `,
            'u',
          ),
        ),
        expect.stringMatching(/^TypeError: no account\n[^]*atone\.module\.spec\.ts:\d+/u),
        'Atone',
      ],
    ]);
  });

  test('undoes what it did, from what the barrier remembers', async () => {
    const command = charge(3, { account: 'eve', cents: 300 });
    await send(url, command);

    const { input: _input, ...undo } = { ...command, op: 'compensate' as const, reason: 'no stock' };
    const answer = await send(url, undo);

    expect(answer.reply).toEqual({ outcome: 'undone', wasEmpty: false });
    expect(await chargedCount('eve')).toBe(0);
  });

  test('does nothing for somebody with another key', async () => {
    const answer = await send(url, charge(4, { account: 'mallory', cents: 1 }), {
      ...KEY,
      secret: 'guessed',
    });

    expect(answer.status).toBe(401);
    expect(await chargedCount('mallory')).toBe(0);
  });

  test('starts sagas, and says that it did', async () => {
    const pay = saga('pay', Charge).step('charge', payments.charge, (o) => ({
      account: o.account,
      cents: o.cents,
    }));

    const result = await app
      .get(Sagas)
      .submit(pay, { account: 'ada', cents: 1 }, { idempotencyKey: 'pay-1' });

    expect(result).toMatchObject({ outcome: 'committed', outputs: { charge: { chargeId: 7 } } });
    expect(coordinator.submitted).toMatchObject({ name: 'pay', initiator: 'payments' });
  });

  test('leaves the catalogue before it stops, ends what runs, and takes no commands any more', async () => {
    const { gate } = app.get(Payments);
    const underWay = send(url, charge(5, { account: 'slow', cents: 1 }));
    await once(gate, 'entered');

    const closed = app.close();
    gate.emit('opened');

    await expect(underWay).resolves.toMatchObject({ reply: { outcome: 'done' } });
    await closed;

    expect(coordinator.calls.at(-1)).toBe('DELETE /v1/participants/payments/instances/p1');
    await expect(send(url, charge(6, { account: 'ada', cents: 1 }))).rejects.toThrow('fetch failed');
  });
});

describe('a service that only starts sagas', () => {
  test('needs neither a database nor an address', async () => {
    const module = await compile([
      AtoneModule.forRootAsync({
        useFactory: () => ({ service: 'web', coordinator: { url: coordinator.url } }),
      }),
    ]);
    await module.init();

    expect(module.get(AtoneLifecycle).commandUrl).toBeUndefined();
    await expect(module.get(Sagas).get('g')).resolves.toMatchObject({ outcome: 'committed' });
    await module.close();
  });
});

describe('the rows of the barrier', () => {
  test.each<[string, AtoneOptions['barrier'], boolean]>([
    ['are removed in time', {}, true],
    ['stay where it is told so', { cleanUp: false }, false],
  ])('%s', async (_title, barrier, hasJanitor) => {
    const module = await compile([
      PaymentsModule,
      typeOrm(),
      atone({ barrier: { migrate: true, ...barrier } }),
    ]);
    module.useLogger(false);
    await module.init();
    const participation = module.get(Participation);

    const { janitor } = await participation.workers(participation.actions());

    expect(janitor !== undefined).toBe(hasJanitor);
    await module.close();
  });
});

describe('a service starts', () => {
  test('even while its coordinator is away', async () => {
    const away = atone({ coordinator: { url: 'http://127.0.0.1:1' }, barrier: { migrate: true } });
    const module = await compile([PaymentsModule, typeOrm(), away]);
    module.useLogger(false);

    await module.init();

    expect(module.get(AtoneLifecycle).commandUrl).toMatch(
      new RegExp(`^http://127.0.0.1:\\d+${COMMANDS_PATH}$`, 'u'),
    );
    await module.close();
  });

  test('without an address, where commands come over Kafka', async () => {
    const steps: string[] = [];
    const kafka: AtoneOptions['kafka'] = {
      open: async ({ participant }) => {
        steps.push(`opened for ${participant.service}`);
        return {
          kafka: { topic: 'atone.commands.payments' },
          close: async () => void steps.push('closed'),
        };
      },
    };
    const module = await compile([PaymentsModule, typeOrm(), atone({ listen: undefined, kafka })]);

    await module.init();
    await module.close();

    expect(steps).toEqual(['opened for payments', 'closed']);
  });
});

describe('a service does not start', () => {
  test.each<[string, Partial<AtoneOptions>, RegExp]>([
    [
      'without a database',
      { database: undefined },
      /carries out payments\.charge, payments\.notify and has no database .*databaseFrom/u,
    ],
    ['without an address', { listen: undefined }, /has no address .* `listen: \{ port: 9101 \}`/u],
    [
      'where nobody can call it',
      { listen: { host: '0.0.0.0', port: 0 } },
      /listens on 0\.0\.0\.0, .*advertise: 'http/u,
    ],
    [
      'where everybody could send commands',
      { listen: { host: '0.0.0.0', port: 0, advertise: 'http://a.test' }, keys: [] },
      /listen on 0\.0\.0\.0 for commands that nobody signs/u,
    ],
    [
      'with a clean-up that never pauses',
      { barrier: { cleanUp: { every: 0 } } },
      /`every` of the clean-up is 0 ms.*10 ms or more/u,
    ],
    [
      'with questions that never pause',
      { barrier: { doubts: { every: 0 } } },
      /`every` of the sweeper is 0 ms\. Give it from 10 ms to an hour/u,
    ],
    [
      'with a database that nobody provides',
      { database: databaseFrom<DataSource>('OTHER', typeormDatabase) },
      /Nothing in the application provides OTHER/u,
    ],
    [
      'as another service',
      { service: 'orders' },
      /carries out payments\.charge, but this is the service 'orders'/u,
    ],
  ])('%s', async (_what, options, message) => {
    const module = await compile([PaymentsModule, typeOrm(), atone(options)]);

    await expect(module.init()).rejects.toThrow(message);
    await module.close();
  });

  test('without the table of the barrier', async () => {
    const empty = await createTestDatabase();
    const module = await compile([PaymentsModule, typeOrm(empty.url), atone({})]);

    await expect(module.init()).rejects.toThrow(
      /table atone\.barrier is missing .*`barrier: \{ migrate: true \}`/u,
    );
    await module.close();
    await empty.drop();
  });
});

function compile(imports: (Type | DynamicModule)[]): Promise<TestingModule> {
  return Test.createTestingModule({ imports }).compile();
}

function typeOrm(url = testDatabase.url): DynamicModule {
  return TypeOrmModule.forRoot({ type: 'postgres', url, retryAttempts: 0 });
}

function atone(options: Partial<AtoneOptions>): DynamicModule {
  return AtoneModule.forRoot({
    service: 'payments',
    coordinator: { url: coordinator.url },
    database: databaseFrom(DataSource, typeormDatabase),
    listen: { port: 0 },
    keys: [KEY],
    instance: 'p1',
    ...options,
  });
}

function charge(number: number, input: Charge) {
  return {
    gid: `01980000-0000-7000-8000-00000000000${number}`,
    branchId: 'charge',
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'payments',
    action: 'charge',
    input,
    issuedAt: Date.now(),
  };
}

async function send(url: string, command: object, key = KEY): Promise<{ status: number; reply: unknown }> {
  const body = JSON.stringify({ protocol: 1, commands: [command] });
  const signature = signRequest({ method: 'POST', path: COMMANDS_PATH, body }, key, Date.now());
  const headers = { 'content-type': 'application/json', [HEADERS.signature]: signature };
  const response = await fetch(url, { method: 'POST', headers, body });
  const [line = '{}'] = (await response.text()).split('\n');
  return { status: response.status, reply: (JSON.parse(line) as { reply: unknown }).reply };
}

async function chargedCount(account: string): Promise<number> {
  const rows = await withDatabase((source) =>
    source.query('select 1 from charge where account = $1', [account]),
  );
  return (rows as unknown[]).length;
}

async function withDatabase<Result>(work: (source: DataSource) => Promise<Result>): Promise<Result> {
  const source = await new DataSource({ type: 'postgres', url: testDatabase.url }).initialize();
  return work(source).finally(() => source.destroy());
}
