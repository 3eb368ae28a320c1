import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { commandTo } from '@atone/engine/conformance';
import type { ReplyFate } from '@atone/engine';
import {
  attemptKey,
  deadTopic,
  repliesTopic,
  replyRecord,
  replyTo,
  type BranchCommand,
  type ReplyEnvelope,
} from '@atone/protocol';
import type { KafkaTransport } from './kafka.transport.js';
import { deferred, KafkaWorld, PARTITION_COUNT } from './testing/kafka.world.js';

const REPLIES = repliesTopic('atone');
const GROUP = 'atone.coordinators';
const YES = { outcome: 'done', output: null } as const;
const KEY = { keyId: 'k1', secret: 'a secret' };
const HERE: ReplyFate = { isDriven: true, settled: async () => undefined };
const ELSEWHERE: ReplyFate = { isDriven: false, settled: async () => undefined };

let world: KafkaWorld;

beforeEach(async () => {
  world = await new KafkaWorld().open();
});

afterEach(() => world.end());

/** Collects what a transport tells, and says what becomes of it. */
function listen(transport: KafkaTransport, fate: ReplyFate = HERE): ReplyEnvelope[] {
  const replies: ReplyEnvelope[] = [];
  transport.onReply((reply) => {
    replies.push(reply);
    return fate;
  });
  return replies;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function sentTo(service: string): readonly string[] {
  return world.kafka.records(`atone.commands.${service}`).map(({ value }) => {
    const command = JSON.parse(value ?? '') as BranchCommand;
    return `${command.op} ${command.branchId}`;
  });
}

function stored(topic: string): ReturnType<typeof world.kafka.records> {
  return world.kafka.records(topic);
}

describe('commands', () => {
  test('name a partition of the replies that their sender holds, so that answers come home', async () => {
    await world.start('stock', () => YES);
    const [one, other] = [world.transport(), world.transport()];
    const heard = [listen(one), listen(other)];
    await Promise.all([one.start(), other.start()]);
    await until(() => [one, other].every(({ partitions }) => partitions.length === PARTITION_COUNT / 2));

    one.send(commandTo('stock', { branchId: 'of-one' }), 10_000);
    other.send(commandTo('stock', { branchId: 'of-other' }), 10_000);

    await until(() => heard.every((replies) => replies.length > 0));
    expect(heard.map((replies) => replies.map(({ branchId }) => branchId))).toEqual([
      ['of-one'],
      ['of-other'],
    ]);
  });

  test('wait while their sender holds no partition, and then leave', async () => {
    await world.start('stock', () => YES);
    const transport = world.transport();
    const replies = listen(transport);

    transport.send(commandTo('stock'), 10_000);
    await world.clock.advance(1_000);

    expect(sentTo('stock')).toEqual([]);
    await transport.start();
    await until(() => replies.length === 1);
    expect(replies).toEqual([replyTo(commandTo('stock'), YES)]);
  });

  test('that find no partition in their time never leave, and are told why', async () => {
    await world.start('stock', () => YES);
    const transport = world.transport();
    const replies = listen(transport);
    transport.send(commandTo('stock'), 10_000);

    await world.clock.advance(10_000);

    expect(replies).toMatchObject([
      {
        branchId: 'reserve',
        reply: {
          outcome: 'unknown',
          error: {
            class: 'unreachable',
            message: expect.stringMatching(/reads no partition of the replies/u),
          },
        },
      },
    ]);
    await transport.start();
    transport.send(commandTo('stock', { branchId: 'next' }), 10_000);
    await until(() => replies.length === 2);
    expect(sentTo('stock')).toEqual(['action next']);
  });

  test('that the brokers do not take are unknown, and harm no other', async () => {
    await world.start('stock', () => YES);
    world.enter('pay', { kafka: { topic: 'atone.commands.pay' } });
    const transport = world.transport();
    const replies = listen(transport);
    await transport.start();

    transport.send(commandTo('pay', { branchId: 'pay' }), 10_000);
    transport.send(commandTo('stock'), 10_000);

    await until(() => replies.length === 2);
    expect(Object.fromEntries(replies.map(({ branchId, reply }) => [branchId, reply]))).toEqual({
      reserve: YES,
      pay: {
        outcome: 'unknown',
        error: { class: 'unreachable', message: expect.stringContaining('there is no such topic') },
      },
    });
  });

  test('that nobody answers are told just before they are given up, with who should have', async () => {
    const transport = world.transport();
    await world.start('stock', () => deferred().promise.then(() => YES));
    const replies = listen(transport);
    await transport.start();
    transport.send(commandTo('stock'), 10_000);
    await until(() => sentTo('stock').length === 1);

    await world.clock.advance(9_899);
    expect(replies).toEqual([]);
    await world.clock.advance(1);

    const message = expect.stringMatching(
      /'stock', asked over atone\.commands\.stock: one instance .*10 s ago/u,
    );
    const reply = { outcome: 'unknown', error: { class: 'timeout', message } };
    expect(replies).toMatchObject([{ branchId: 'reserve', reply }]);
  });

  test.each<[string, Partial<BranchCommand>, string]>([
    ['is too large for a record', { input: 'x'.repeat(1_000_000) }, 'bad-payload'],
    ['is for a service that takes none over Kafka', { service: 'plain' }, 'unreachable'],
    ['is for a service whose topic is none of ours', { service: 'payroll' }, 'unreachable'],
  ])('one that %s is told so', async (_title, change, errorClass) => {
    await world.start('stock', () => YES);
    world.enter('plain', {});
    world.enter('payroll', { kafka: { topic: 'payroll' } });
    const transport = world.transport();
    const replies = listen(transport);
    await transport.start();

    transport.send(commandTo('stock', change), 10_000);

    await until(() => replies.length === 1);
    expect(replies[0]?.reply).toMatchObject({ outcome: 'unknown', error: { class: errorClass } });
  });

  test.each([
    ['green', 'atone.commands.stock.green'],
    ['blue', 'atone.commands.stock'],
    [undefined, 'atone.commands.stock'],
  ])('of the lane %s go to %s', async (lane, topic) => {
    await world.start('stock', () => YES);
    world.enter('stock', { lane: 'green', kafka: { topic: 'atone.commands.stock.green' } });
    const settings = { name: 'atone.commands.stock.green', partitionCount: 1, replicationFactor: 1 };
    await world.kafka.client().createTopics([settings]);
    const transport = world.transport();
    await transport.start();

    transport.send(commandTo('stock', lane === undefined ? {} : { lane }), 10_000);

    await until(() => stored(topic).length === 1);
    expect(stored(topic)[0]?.headers['x-lane']).toBe(lane);
  });

  test('are signed where there is a key', async () => {
    await world.start('stock', () => YES);
    const transport = world.transport({ signingKey: KEY });
    await transport.start();

    transport.send(commandTo('stock'), 10_000);

    await until(() => stored('atone.commands.stock').length === 1);
    expect(stored('atone.commands.stock')[0]?.headers['atone-signature']).toMatch(
      /^alg=hmac-sha256;kid=k1;/u,
    );
  });
});

describe('a batch of replies', () => {
  test('is done when what it caused is in the log', async () => {
    const settled = deferred();
    const transport = world.transport();
    const replies = listen(transport, { isDriven: true, settled: async () => settled.promise });
    await transport.start();
    await world.answer(replyTo(commandTo('stock'), YES), 2);
    await until(() => replies.length === 1);
    await world.clock.advance(1_000);
    const before = world.kafka.committed(GROUP, REPLIES, 2);

    settled.resolve();

    await until(() => world.kafka.committed(GROUP, REPLIES, 2) === 1n);
    expect(before).toBeUndefined();
  });

  test('that the log does not answer is left to the next one when the transport is closed', async () => {
    const transport = world.transport();
    const replies = listen(transport, { isDriven: true, settled: async () => new Promise(() => undefined) });
    await transport.start();
    await world.answer(replyTo(commandTo('stock'), YES), 2);
    await until(() => replies.length === 1);

    const closed = transport.close();
    await world.clock.advance(5_000);
    await closed;

    const next = world.transport();
    const again = listen(next);
    await next.start();
    await until(() => world.kafka.committed(GROUP, REPLIES, 2) === 1n);
    expect(again).toEqual(replies);
  });
});

test('a batch that comes while the transport leaves is left to the next one', async () => {
  const transport = world.transport();
  const replies = listen(transport);
  await transport.start();
  world.kafka.faults = { delayMs: (step) => (step === 'deliver' ? 5 : 0) };
  await world.answer(replyTo(commandTo('stock'), YES), 2);

  await transport.close();

  const next = world.transport();
  const heard = listen(next);
  await next.start();
  await until(() => heard.length === 1);
  expect(replies).toEqual([]);
});

describe('a reply to a transaction that is not driven here', () => {
  const reply = replyTo(commandTo('stock'), YES);

  test('is sent on to the one that drives it', async () => {
    const driving = world.transport();
    const heard = listen(driving);
    const other = world.transport({
      ownerPartitions: async () => new Map([[reply.gid, driving.partitions[0] ?? 0]]),
    });
    listen(other, ELSEWHERE);
    await driving.start();
    await other.start();
    await until(() => other.partitions.length > 0);

    await world.answer(reply, other.partitions[0] ?? 0);

    await until(() => other.counts.forwarded === 1 && heard.length === 1);
    expect(heard).toEqual([reply]);
    expect(stored(REPLIES).map(({ headers }) => headers['atone-forwarded'])).toEqual(
      expect.arrayContaining([undefined, 'coordinator-2']),
    );
  });

  test('is passed over where nobody is known to drive it', async () => {
    const transport = world.transport({ ownerPartitions: async () => new Map() });
    listen(transport, ELSEWHERE);
    await transport.start();

    await world.answer(reply, 0);

    await until(() => transport.counts.dropped === 1);
    expect(stored(REPLIES)).toHaveLength(1);
  });

  test('is sent on once at most', async () => {
    const driving = world.transport();
    const other = world.transport({
      ownerPartitions: async () => new Map([[reply.gid, driving.partitions[0] ?? 0]]),
    });
    listen(other, ELSEWHERE);
    await driving.start();
    await other.start();
    await until(() => other.partitions.length > 0);
    const place = { topic: REPLIES, partition: other.partitions[0] ?? 0 };
    const record = replyRecord(reply, place, { source: '/', nowMs: 0 });

    await world.store({ ...record, headers: { ...record.headers, 'atone-forwarded': 'another' } });

    await until(() => other.counts.dropped === 1);
    expect(other.counts.forwarded).toBe(0);
    expect(stored(REPLIES)).toHaveLength(1);
  });

  test('is passed over when nobody can tell who drives it, and holds nothing up', async () => {
    const troubles: unknown[] = [];
    const transport = world.transport({
      ownerPartitions: async () => Promise.reject(new Error('The log is away.')),
      onTrouble: (error) => troubles.push(error),
    });
    listen(transport, ELSEWHERE);
    await transport.start();

    await world.answer(reply, 1);

    await until(() => world.kafka.committed(GROUP, REPLIES, 1) === 1n);
    expect(transport.counts.dropped).toBe(1);
    expect(troubles).toMatchObject([{ message: 'The log is away.' }]);
  });
});

describe('a record that is no reply', () => {
  test('goes to the dead letters with the reason and its place, and the partition moves on', async () => {
    const transport = world.transport();
    const replies = listen(transport);
    await transport.start();

    await world.store({ topic: REPLIES, partition: 3, key: 'k', value: 'poison', headers: {} });
    await world.answer(replyTo(commandTo('stock'), YES), 3);

    await until(() => replies.length === 1);
    expect(stored(deadTopic('atone'))).toMatchObject([
      {
        value: 'poison',
        headers: {
          'atone-dead-reason': expect.stringContaining('ce_specversion'),
          'atone-dead-topic': REPLIES,
          'atone-dead-partition': '3',
          'atone-dead-offset': '0',
        },
      },
    ]);
    expect(transport.counts).toMatchObject({ dead: 1, distrusted: 0 });
  });

  test('may be one that nobody has signed', async () => {
    const transport = world.transport({ signingKey: KEY });
    const replies = listen(transport);
    await transport.start();

    await world.answer(replyTo(commandTo('stock'), YES), 0);

    await until(() => transport.counts.distrusted === 1);
    expect(replies).toEqual([]);
  });
});

test('attempts that were answered are waited for no more when the transport is closed', async () => {
  await world.start('stock', () => YES);
  const transport = world.transport();
  const replies = listen(transport);
  await transport.start();
  transport.send(commandTo('stock'), 10_000);
  await until(() => replies.length === 1);

  await transport.close();

  expect(replies.map(attemptKey)).toEqual([attemptKey(commandTo('stock'))]);
});
