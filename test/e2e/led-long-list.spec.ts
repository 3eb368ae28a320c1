import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import {
  atoneExpress,
  atoneFetch,
  createGlobalTransactions,
  createServiceCalls,
  createServiceClient,
  createServiceDirectory,
  currentTransaction,
  type GlobalTransactions,
} from '@atone/participant';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { seats } from '../harness/booking.contracts.js';
import { ledgerHandler } from '../harness/booking.ledger.js';
import { LedgerService } from '../harness/booking.service.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { until } from '../harness/until.js';

/** As many proxies have it. */
const HEADERS_BYTES_MAX = 8_192;

const STATES = `
select state, count(*)::int as count
from atone.barrier
group by state`;

const LEFT = 'select amount, held from balance';

let logDatabase: TestDatabase;
let coordinator: TestCoordinator;
let service: LedgerService;
let transactions: GlobalTransactions;
const servers: Server[] = [];

beforeEach(async () => {
  logDatabase = await createTestDatabase();
  coordinator = await TestCoordinator.start({ databaseUrl: logDatabase.url });
  service = await LedgerService.start(coordinator.client, ledgerHandler(seats.hold), ['hall']);
  transactions = createGlobalTransactions({ service: 'office', coordinator: coordinator.client });
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await service.close();
  await coordinator.close();
  await logDatabase.drop();
});

test('1,000 branches below one request pass a proxy that takes 8 KiB of headers, and the commit confirms them all', async () => {
  const proxy = await startProxy(await startHall({ isRegistering: true }));
  const fetchThrough = atoneFetch();

  const gid = await transactions.run({ name: 'book-the-hall', timeout: '60s' }, async () => {
    const response = await fetchThrough(`${proxy}/holds?count=1000`, { method: 'POST' });
    expect(response.status).toBe(200);
    return currentTransaction()?.gid ?? '';
  });

  const view = await until(
    'all are confirmed',
    async () => {
      const found = await coordinator.client.get(gid);
      return found.endedAt === undefined ? undefined : found;
    },
    60_000,
  );
  expect(view).toMatchObject({ state: 'committed' });
  expect(await service.query(STATES)).toEqual([{ state: 'confirmed', count: 1_000 }]);
  expect(await service.query(LEFT)).toEqual([{ amount: 9_000, held: 0 }]);
}, 150_000);

test('a list that the proxy does not let through is no list: the request has failed, and its branches are undone', async () => {
  const proxy = await startProxy(await startHall({ isRegistering: false }));
  const fetchThrough = atoneFetch();

  const booking = transactions.run({ name: 'book-the-hall', timeout: '6s' }, async () => {
    const response = await fetchThrough(`${proxy}/holds?count=45`, { method: 'POST' });
    expect(response.status).toBe(502);
    throw new Error('not booked');
  });

  await expect(booking).rejects.toThrow('not booked');
  await until(
    'they have asked what was decided',
    async () => {
      await service.sweeper.pass();
      const [left] = await service.query<{ held: number }>(LEFT);
      return left?.held === 0;
    },
    60_000,
  );
  expect(await service.query(STATES)).toEqual([{ state: 'undone', count: 45 }]);
}, 90_000);

/** A service that takes requests, and has its own participant hold as many seats as it is told to. */
async function startHall({ isRegistering }: { readonly isRegistering: boolean }): Promise<string> {
  const takePart = atoneExpress(isRegistering ? { registrar: coordinator.client } : {});
  const directory = createServiceDirectory({ client: coordinator.client });
  const calls = createServiceCalls({ directory, local: service.participant });
  const client = createServiceClient(seats, { calls });
  return listen((request, response) => {
    takePart(request, response, () => {
      const count = Number(new URL(request.url ?? '', 'http://hall').searchParams.get('count'));
      const holds = Array.from({ length: count }, async () => client.hold({ name: 'hall', amount: 1 }));
      void Promise.all(holds).then(
        () => response.end('held'),
        () => response.writeHead(500).end(),
      );
    });
  });
}

/** Passes requests on, and answers 502 where an answer's headers are longer than it takes. */
async function startProxy(target: string): Promise<string> {
  return listen(({ method, url, headers }, response) => {
    const options = { method, headers, maxHeaderSize: HEADERS_BYTES_MAX };
    const passedOn = sendRequest(new URL(url ?? '', target), options, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passedOn.on('error', () => response.writeHead(502).end());
    passedOn.end();
  });
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer({ maxHeaderSize: HEADERS_BYTES_MAX }, answer);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
