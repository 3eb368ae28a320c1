import { beforeEach, expect, test } from '@jest/globals';
import { MemoryKafka } from '@atone/kafka/testing';
import { commandRecord, type BranchCommand, type ParticipantInstance } from '@atone/protocol';
import { z } from 'zod';
import type { AtoneClient } from '../client.js';
import { action, contract } from '../contract.js';
import type { DoubtSweeper } from '../doubt.sweeper.js';
import { serveCommands, type ReadyService } from '../node/service.presence.js';
import { startAtone } from '../node/start.atone.js';
import { systemClock } from '../node/system-clock.js';
import { createParticipant } from '../participant.js';
import { MemoryDatabase, type MemoryTransaction } from '../testing/memory.database.js';
import { createKafkaCalls } from './kafka.calls.js';
import { kafkaCommands } from './kafka.source.js';

const KEY = { keyId: 'k1', secret: 'a secret' };
const PARTITIONS = { partitionCount: 1, replicationFactor: 1 };
const LOCAL = { host: '127.0.0.1', port: 0 };
const ledger = contract('ledger', { book: action({ input: z.object({}), output: z.null() }) });

let kafka: MemoryKafka;
let told: (ParticipantInstance | string)[];

beforeEach(async () => {
  kafka = new MemoryKafka();
  told = [];
  await kafka.client().createTopics([{ name: 'atone.replies', ...PARTITIONS }]);
});

function service(options: Partial<ReadyService['options']> = {}): ReadyService {
  const handler = { contract: ledger.book, run: async () => null, compensate: async () => undefined };
  return {
    participant: createParticipant<MemoryTransaction>({
      service: 'ledger',
      database: new MemoryDatabase().connect(),
      handlers: [handler],
    }),
    options: { service: 'ledger', instance: 'l1', keys: [KEY], lane: 'green', ...options },
    actions: [handler],
    janitor: undefined,
    sweeper: { start: () => undefined, stop: async () => undefined } as Partial<DoubtSweeper> as DoubtSweeper,
    client: {
      url: 'http://coordinator.test',
      registerInstance: async (_service: string, entry: ParticipantInstance) => void told.push(entry),
      deregisterInstance: async (_service: string, instance: string) => void told.push(`${instance} left`),
    } as Partial<AtoneClient> as AtoneClient,
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('a service may take its commands over Kafka alone, with the keys and the lane that it has anyway', async () => {
  const source = kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS });
  const presence = await serveCommands(service({ kafka: source }), undefined);
  await until(() => told.length === 1);
  const command: BranchCommand = {
    gid: '0193d6c0-0000-7000-8000-000000000001',
    branchId: 'book',
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'ledger',
    action: 'book',
    input: {},
    issuedAt: 1,
  };
  const place = {
    topic: 'atone.commands.ledger.green',
    replyTo: { topic: 'atone.replies', partition: 0 },
  };

  await kafka
    .client()
    .send([commandRecord(command, place, { source: '/', nowMs: Date.now(), signingKey: KEY })]);

  await until(() => kafka.records('atone.replies').length === 1);
  await presence.close();
  expect(kafka.records('atone.replies')[0]?.headers).toMatchObject({
    ce_source: '/services/ledger',
    'atone-signature': expect.stringContaining('kid=k1'),
  });
  expect(presence.commandUrl).toBeUndefined();
  expect(told).toEqual([
    expect.objectContaining({ instance: 'l1', kafka: { topic: place.topic } }),
    'l1 left',
  ]);
  expect(told[0]).not.toHaveProperty('baseUrl');
});

test('a service may be reached both ways', async () => {
  const source = kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS });

  const presence = await serveCommands(service({ kafka: source }), LOCAL);

  await until(() => told.length === 1);
  await presence.close();
  expect(told[0]).toMatchObject({
    baseUrl: new URL(presence.commandUrl ?? '').origin,
    kafka: { topic: 'atone.commands.ledger.green' },
  });
});

test('a service can tell of records that were no commands to it, and no answers to its calls', async () => {
  const source = kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS });
  const before = source.counts();
  const presence = await serveCommands(service({ kafka: source }), undefined);
  const calls = source.callsOf({
    service: 'ledger',
    keys: [KEY],
    log: undefined,
    coordinator: { logInfo: async () => Promise.reject(new Error('away')) },
  });
  calls.open();
  await until(() => calls.isReady);

  const garbage = { partition: 0, key: 'k', value: 'none', headers: {} };
  await kafka.client().send([
    { topic: 'atone.commands.ledger.green', ...garbage },
    { topic: 'atone.replies.ledger', ...garbage },
    { topic: 'atone.replies.ledger', ...garbage },
  ]);

  await until(() => source.counts().commands.dead === 1 && source.counts().calls.dead === 2);
  await Promise.all([presence.close(), calls.close()]);
  expect(before).toEqual({
    commands: { dead: 0, distrusted: 0, slow: 0, busy: 0, unanswered: 0 },
    calls: { passedOver: 0, askedAgain: 0, dead: 0, distrusted: 0 },
  });
});

test('a service that cannot take commands over Kafka listens nowhere, and is entered nowhere', async () => {
  const source = kafkaCommands({ client: kafka.client() });
  const busy = await serveCommands(service(), LOCAL);
  const port = Number(new URL(busy.commandUrl ?? '').port);
  await busy.close();
  told.length = 0;

  await expect(serveCommands(service({ kafka: source }), { ...LOCAL, port })).rejects.toMatchObject({
    name: 'MisuseError',
    message: expect.stringContaining('there is no topic'),
  });

  const next = await serveCommands(service(), { ...LOCAL, port });
  await until(() => told.length === 1);
  await next.close();
  expect(told).toEqual([expect.not.objectContaining({ kafka: expect.anything() }), 'l1 left']);
});

/** A coordinator that knows the instances that were told to it, and takes every decision. */
function coordinator(decided: unknown[] = []): AtoneClient {
  const at = systemClock.instant(systemClock.now()).toISOString();
  const entries = told.filter((entry) => typeof entry !== 'string');
  return {
    url: 'http://coordinator.test',
    registerInstance: async () => undefined,
    participants: async () =>
      entries.map((entry) => ({ service: 'ledger', registeredAt: at, seenAt: at, ...entry })),
    logInfo: async () => ({ logNumber: 1, epoch: 1, now: at, timeoutMaxMs: 60_000 }),
    decide: async (gid: string, request: { readonly to: string }) => {
      decided.push(request);
      return { gid, outcome: request.to === 'commit' ? 'committed' : 'aborted', branches: [] };
    },
    notices: async () => undefined,
  } as unknown as AtoneClient;
}

test('a service that only leads calls one that takes commands over Kafka alone', async () => {
  const both = { keys: [KEY], lane: 'green' };
  const source = kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS });
  const presence = await serveCommands(service({ kafka: source, ...both }), undefined);
  await until(() => told.length === 1);
  const decided: unknown[] = [];
  const desk = await startAtone({
    ...both,
    service: 'desk',
    coordinator: coordinator(decided),
    kafka: kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS }),
    log: false,
  });
  const book = desk.clientOf(ledger);

  const answer = await desk.transactions.run({ name: 'note', lane: 'green' }, async () => book.book({}));

  await desk.close();
  await presence.close();
  expect(answer).toBeNull();
  expect(decided).toMatchObject([{ to: 'commit', branches: [{ branchId: '1', service: 'ledger' }] }]);
  expect(kafka.records('atone.replies.desk')).toHaveLength(1);
});

test('a service with a client begins to hear of answers before its first call, and leaves its group when it is closed', async () => {
  const client = kafka.client();
  const desk = await startAtone({
    service: 'desk',
    coordinator: coordinator(),
    kafka: kafkaCommands({ client, createTopics: PARTITIONS }),
    log: false,
  });
  const other = createKafkaCalls({ service: 'desk', client: kafka.client() });

  desk.clientOf(ledger);
  await until(() => kafka.partitionCount('atone.replies.desk') === 1);
  other.open();
  await desk.close();
  await until(() => other.isReady);

  expect(other.isReady).toBe(true);
  await other.close();
});

test('a service that calls nobody reads no answers', async () => {
  const source = kafkaCommands({ client: kafka.client(), createTopics: PARTITIONS });
  const desk = await startAtone({ service: 'desk', coordinator: coordinator(), kafka: source, log: false });

  await desk.close();

  expect(kafka.partitionCount('atone.replies.desk')).toBe(0);
});

test('a service without a client of Kafka is told how to call one that takes commands over Kafka alone', async () => {
  told.push({
    instance: 'l1',
    kind: 'library',
    protocol: 1,
    kafka: { topic: 'atone.commands.ledger' },
    actions: [],
  });
  const desk = await startAtone({ service: 'desk', coordinator: coordinator(), log: false });
  const book = desk.clientOf(ledger);

  const call = desk.transactions.run({ name: 'note' }, async () => book.book({}));

  await expect(call).rejects.toMatchObject({
    code: 'NOT_SENT',
    message: expect.stringContaining('`kafka: kafkaCommands({ client })`'),
  });
});
