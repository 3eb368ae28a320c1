import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { COMMANDS_PATH, type BranchCommand, type ParticipantInstance } from '@atone/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import type { AtoneClient } from '../client.js';
import { CoordinatorUnreachableError } from '../client.errors.js';
import { contract, tryAction } from '../contract.js';
import type { LocalDatabase } from '../database.port.js';
import { pgDatabase } from '../pg/index.js';
import { command, CREATE_LEDGER, createLedger, entriesOf, type Ledger } from '../testing/ledger.fixture.js';
import { LedWorld } from '../testing/led.world.js';
import { openPool } from '../testing/pool.fixture.js';
import type { AtoneParticipant, AtoneService } from './atone.service.js';
import { startAtone } from './start.atone.js';
import type { ParticipantStartOptions } from './start.options.js';
import { systemClock } from './system-clock.js';

const ledgerContract = contract('ledger', {
  hold: tryAction({
    input: z.object({ amount: z.number() }),
    output: z.object({ balance: z.number() }),
  }),
});

let testDatabase: TestDatabase;
let pool: Pool;
let database: LocalDatabase<PoolClient>;
let ledger: Ledger<PoolClient>;
let coordinator: FakeCoordinator;
const started: AtoneService[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  pool = openPool(testDatabase.url);
  database = pgDatabase(pool);
  await pool.query(CREATE_LEDGER);
});
beforeEach(() => {
  ledger = createLedger(database);
  coordinator = new FakeCoordinator();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.close()));
  servers.splice(0).forEach((server) => server.close());
});
afterAll(async () => {
  await pool.end();
  await testDatabase.drop();
});

/** What the coordinator is told, and when. */
class FakeCoordinator {
  readonly calls: string[] = [];
  readonly events = new EventEmitter<{ entered: [ParticipantInstance] }>();
  readonly world = new LedWorld();

  get client(): AtoneClient {
    return Object.assign(this.world.coordinator, {
      url: 'http://coordinator.test',
      registerInstance: async (service: string, entry: ParticipantInstance) => {
        this.calls.push(`enter ${service}/${entry.instance} at ${entry.baseUrl}`);
        this.events.emit('entered', entry);
      },
      deregisterInstance: async (service: string, instance: string) => {
        this.calls.push(`leave ${service}/${instance}`);
      },
      logInfo: async () => ({ logNumber: 1, epoch: 1, now: nowText(), timeoutMaxMs: 60_000 }),
    }) as unknown as AtoneClient;
  }
}

function nowText(): string {
  return systemClock.instant(systemClock.now()).toISOString();
}

async function start(options: Partial<ParticipantStartOptions<PoolClient>> = {}): Promise<AtoneParticipant> {
  const service = await startAtone({
    service: 'ledger',
    coordinator: coordinator.client,
    database,
    handlers: [ledger.handler, ledger.tryHandler],
    instance: 'l1',
    barrier: { migrate: true },
    log: false,
    ...options,
  });
  started.push(service);
  return service;
}

/** Mounts the service in a server of the application, which begins to listen. */
function mount({ listener }: AtoneParticipant, host = '127.0.0.1'): Server {
  const server = createServer(listener).listen(0, host);
  servers.push(server);
  return server;
}

async function send(baseUrl: string, one: BranchCommand): Promise<{ status: number; text: string }> {
  const response = await fetch(new URL(COMMANDS_PATH, baseUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ protocol: 1, commands: [one] }),
  });
  return { status: response.status, text: await response.text() };
}

describe('a service in a server of its own', () => {
  test('carries out commands, and is in the catalogue as soon as it is announced', async () => {
    const atone = await start({ lane: 'blue', version: '2' });
    const entered = once(coordinator.events, 'entered');

    const url = await atone.announce(mount(atone));

    expect(await entered).toMatchObject([
      {
        instance: 'l1',
        baseUrl: url,
        lane: 'blue',
        version: '2',
        actions: [{ name: 'book' }, { name: 'hold' }],
      },
    ]);
    expect(atone.commandUrl).toBeUndefined();
    const booking = command();
    expect((await send(url, booking)).text).toContain('"outcome":"done"');
    expect(await entriesOf(database, booking)).toEqual([5]);
  });

  test('leaves the catalogue, ends what runs, and takes no command any more', async () => {
    const atone = await start();
    const entered = once(coordinator.events, 'entered');
    const url = await atone.announce(mount(atone));
    await entered;
    const gate = new EventEmitter();
    ledger.afterWrite = async () => {
      gate.emit('entered');
      await once(gate, 'opened');
    };
    const underWay = send(url, command());
    await once(gate, 'entered');

    const closed = atone.close();
    gate.emit('opened');

    expect((await underWay).text).toContain('"outcome":"done"');
    await closed;
    expect(coordinator.calls).toEqual([`enter ledger/l1 at ${url}`, 'leave ledger/l1']);
    expect(await send(url, command())).toMatchObject({ status: 503 });
    expect(ledger.runCount).toBe(1);
  });

  test('is announced once', async () => {
    const atone = await start();
    await atone.announce('http://ledger.test');

    await expect(atone.announce('http://ledger.test')).rejects.toThrow(
      /'ledger' was announced already.*either `listen` or `announce`/u,
    );
  });

  test('that listens to every address is announced by a URL alone', async () => {
    const atone = await start();

    await expect(atone.announce(mount(atone, '0.0.0.0'))).rejects.toThrow(
      /listens at no single address.*`announce\('http:/u,
    );
    expect(await atone.announce('http://ledger.test:8080')).toBe('http://ledger.test:8080');
  });

  test('says by which error the server does not listen', async () => {
    const atone = await start();
    const taken = mount(atone);
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;

    const announced = atone.announce(createServer(atone.listener).listen(port, '127.0.0.1'));

    await expect(announced).rejects.toThrow('EADDRINUSE');
  });

  test('is not announced any more once it has been closed, also where its server listens only then', async () => {
    const atone = await start();
    const server = createServer(atone.listener);
    servers.push(server);
    const announced = atone.announce(server);

    await atone.close();
    server.listen(0, '127.0.0.1');

    await expect(announced).rejects.toThrow(/'ledger' was closed/u);
    await expect(atone.announce('http://ledger.test')).rejects.toThrow(/'ledger' was closed/u);
    expect({ calls: coordinator.calls, isRegistered: atone.isRegistered }).toEqual({
      calls: [],
      isRegistered: false,
    });
  });

  test('is known to nobody, and closes, where it was never announced', async () => {
    const atone = await start();

    await atone.close();

    expect({ calls: coordinator.calls, isRegistered: atone.isRegistered }).toEqual({
      calls: [],
      isRegistered: false,
    });
  });
});

test('a service that listens takes commands at a server of the library, and is in the catalogue there', async () => {
  const entered = once(coordinator.events, 'entered');

  const atone = await start({ listen: { port: 0 } });

  const url = new URL(atone.commandUrl ?? '').origin;
  expect(await entered).toMatchObject([{ baseUrl: url }]);
  expect((await send(url, command())).text).toContain('"outcome":"done"');
  await atone.close();
  expect(coordinator.calls.at(-1)).toBe('leave ledger/l1');
  await expect(send(url, command())).rejects.toThrow('fetch failed');
});

test('a service starts while its coordinator is away, and says that it waits for it', async () => {
  const lines: string[] = [];
  const told = new EventEmitter();
  const note = (_fields: object, message: string): void => {
    lines.push(message);
    told.emit('line');
  };

  const line = once(told, 'line');
  const atone = await start({
    coordinator: { url: 'http://127.0.0.1:1' },
    listen: { port: 0 },
    log: { info: note, warn: note, error: note },
  });
  await line;

  expect(lines).toEqual(['waiting for the coordinator']);
  expect(atone.isRegistered).toBe(false);
});

describe('a service does not start', () => {
  test.each<[string, Partial<ParticipantStartOptions<PoolClient>>, RegExp]>([
    [
      'where nobody can call it',
      { listen: { host: '0.0.0.0', port: 0 } },
      /listens on 0\.0\.0\.0, .*advertise: 'http/u,
    ],
    [
      'where everybody could send commands',
      { listen: { host: '0.0.0.0', port: 0, advertise: 'http://a.test' } },
      /listen on 0\.0\.0\.0 for commands that nobody signs/u,
    ],
    ['under the name of another', { service: 'orders' }, /ledger\.book is registered at service 'orders'/u],
    [
      'with a clean-up that never pauses',
      { barrier: { cleanUp: { every: 0 } } },
      /`every` of the clean-up is 0 ms/u,
    ],
    [
      'with questions that never pause',
      { barrier: { doubts: { every: 0 } } },
      /`every` of the sweeper is 0 ms/u,
    ],
  ])('%s', async (_what, options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });

  test('without a database, also where no compiler has asked for one', async () => {
    const options = { service: 'ledger', coordinator: coordinator.client, handlers: [ledger.handler] };

    // @ts-expect-error -- the types ask for it
    await expect(startAtone(options)).rejects.toThrow(
      /'ledger' has handlers and no database .*pgDatabase\(pool\)/u,
    );
  });

  test('without an answer of its database, and says whose database does not answer', async () => {
    const lines: string[] = [];
    const note = (fields: object, message: string): void =>
      void lines.push(`${message} ${JSON.stringify(fields)}`);
    const nobody = openPool('postgres://nobody@127.0.0.1:1/none');
    const log = { info: note, warn: note, error: note };

    await expect(start({ database: pgDatabase(nobody), log })).rejects.toThrow('ECONNREFUSED');

    expect(lines).toEqual([
      expect.stringMatching(
        /check what `database` connects to .*"ledger".*connect ECONNREFUSED 127\.0\.0\.1:1/u,
      ),
    ]);
    await nobody.end();
  });

  test('without the table of the barrier', async () => {
    const empty = await createTestDatabase();
    const other = openPool(empty.url);

    await expect(start({ database: pgDatabase(other), barrier: {} })).rejects.toThrow(
      /table atone\.barrier is missing .*`barrier: \{ migrate: true \}`/u,
    );
    await other.end();
    await empty.drop();
  });
});

describe('a transaction', () => {
  test('is led by a service without handlers, which needs no database', async () => {
    const service = await startAtone({ service: 'desk', coordinator: coordinator.client });

    const result = await service.transactions.run({ name: 'nothing' }, async () => 'done');

    expect(result).toBe('done');
    await service.close();
  });

  test('has the actions of the service that leads it carried out in its own process', async () => {
    const atone = await start();
    const own = atone.clientOf(ledgerContract);

    await atone.transactions.run({ name: 'book' }, () => own.hold({ amount: 3 }));

    expect(ledger.runCount).toBe(1);
    const { decision } = coordinator.world.coordinator;
    expect(decision).toMatchObject({
      to: 'commit',
      branches: [{ branchId: '1', service: 'ledger', action: 'hold' }],
    });
  });

  test('finds other services where the options say, else in the catalogue', async () => {
    const other = await start({ listen: { port: 0 } });
    const services = { ledger: new URL(other.commandUrl ?? '').origin };
    const desk = await startAtone({ service: 'desk', coordinator: coordinator.client, services, log: false });

    await desk.transactions.run({ name: 'book' }, () => desk.clientOf(ledgerContract).hold({ amount: 3 }));

    expect(ledger.runCount).toBe(1);
  });
});

test('a service that only leads reaches its coordinator by the URL of the options', async () => {
  const coordinatorUrl = 'http://127.0.0.1:1';
  const { client, transactions } = await startAtone({
    service: 'desk',
    coordinator: { url: coordinatorUrl, patience: 0 },
  });

  expect(client.url).toBe(coordinatorUrl);
  await expect(transactions.run({ name: 'x' }, async () => undefined)).rejects.toThrow(
    CoordinatorUnreachableError,
  );
});
