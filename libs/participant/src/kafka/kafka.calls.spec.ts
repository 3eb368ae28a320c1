import type { BranchReply } from '@atone/core';
import type { ReceivedBatch } from '@atone/kafka';
import { MemoryKafka } from '@atone/kafka/testing';
import {
  readCommandRecord,
  replyRecord,
  replyTo,
  type BranchCommand,
  type RecordOrigin,
  type ReplyPlace,
} from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { contract, tryAction } from '../contract.js';
import type { RouterOptions } from '../led/call.router.js';
import { createServiceClient, type ServiceClient } from '../led/service.client.js';
import { done, LedWorld } from '../testing/led.world.js';
import { createKafkaCalls, type CountedKafkaCalls, type KafkaCallsOptions } from './kafka.calls.js';

const KEY = { keyId: 'k1', secret: 'a secret' };
const COMMANDS = 'atone.commands.payments';
const ANSWERS = 'atone.replies.orders';
const DEAD = 'atone.dead';
const PARTITIONS = { partitionCount: 2, replicationFactor: 1 };

const payments = contract('payments', {
  hold: tryAction({ input: z.object({ note: z.string() }), output: z.object({ ok: z.boolean() }) }),
});

const COMMAND: BranchCommand = {
  gid: '0193d6c0-0000-7000-8000-000000000001',
  branchId: '1',
  op: 'action',
  round: 1,
  attempt: 1,
  service: 'payments',
  action: 'hold',
  issuedAt: 1,
};

/** What a participant answers to an attempt; undefined: nothing. */
type Answer = (command: BranchCommand) => BranchReply | undefined;

let world: LedWorld;
let kafka: MemoryKafka;
let clock: { now(): number; setTimer(delayMs: number, callback: () => void): { cancel(): void } };
/** What the answers are signed with, and how old. */
let origin: Partial<RecordOrigin>;

beforeEach(async () => {
  world = new LedWorld();
  clock = {
    now: () => world.ports.time.now(),
    setTimer: (delayMs, callback) => world.clock.setTimer(delayMs, callback),
  };
  kafka = new MemoryKafka({ clock });
  origin = {};
  await kafka.client().createTopics([{ name: COMMANDS, ...PARTITIONS }]);
});

/** Has the service answer the attempts one after the other; the last answer again and again. */
async function serve(...answers: Answer[]): Promise<void> {
  const client = kafka.client();
  let count = 0;
  const take = async ({ records }: ReceivedBatch): Promise<void> => {
    for (const record of records) {
      const read = readCommandRecord(record, { keys: [], nowMs: clock.now() }, 'atone');
      if (read.type !== 'command') {
        throw new Error('no command');
      }
      world.commands.push(read.command);
      const reply = answers[Math.min(count, answers.length - 1)]?.(read.command);
      count += 1;
      if (reply !== undefined) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        await client.send([answerTo(read.command, reply, read.replyTo)]);
      }
    }
  };
  await client.subscribe({ groupId: 'payments', topics: [COMMANDS], from: 'earliest', onBatch: take });
}

function answerTo(command: BranchCommand, reply: BranchReply, place: ReplyPlace) {
  const from = { source: '/services/payments', nowMs: clock.now(), ...origin };
  return replyRecord(replyTo(command, reply), place, from);
}

function overKafka(options: Partial<KafkaCallsOptions> = {}): CountedKafkaCalls {
  const client = kafka.client();
  return createKafkaCalls({ service: 'orders', client, createTopics: PARTITIONS, clock, ...options });
}

const KAFKA_ALONE = { waysTo: async () => ({ baseUrls: [], topic: COMMANDS }) };
const BOTH_WAYS = { waysTo: async () => ({ baseUrls: ['http://payments.test'], topic: COMMANDS }) };

function clientOver(
  calls: CountedKafkaCalls,
  directory: RouterOptions['directory'] = KAFKA_ALONE,
): ServiceClient<typeof payments> {
  return createServiceClient(payments, { calls: world.calls({ directory, kafka: calls }) });
}

function lead<Result>(work: () => Promise<Result>): Promise<Result> {
  return world.clock.run(world.globalTransactions().run({ name: 'place-order' }, work));
}

/** Calls, and returns what is thrown. */
function failing(client: ServiceClient<typeof payments>, timeout = '30s' as const): Promise<unknown> {
  return lead(() => client.hold({ note: 'a' }, { timeout })).catch((error: unknown) => error);
}

function attempts(): readonly (readonly [string, number])[] {
  return world.commands.map(({ branchId, attempt }) => [branchId, attempt]);
}

describe('a call over Kafka', () => {
  test('brings the answer, and its branch stands on the list as the participant enlisted it', async () => {
    await serve((command) => done(command, { kind: 'tcc' }));

    const output = await lead(() => clientOver(overKafka()).hold({ note: 'a' }));

    expect(output).toEqual({ ok: true });
    expect(world.coordinator.decision?.branches).toMatchObject([
      { branchId: '1', service: 'payments', kind: 'tcc', nonce: 'nonce-of-1' },
    ]);
  });

  test('leaves as the command that a coordinator sends, and asks for the answer where this process reads', async () => {
    await serve((command) => done(command));
    origin = { signingKey: KEY };

    await lead(() => clientOver(overKafka({ keys: [KEY] })).hold({ note: 'a' }));

    const [record] = kafka.records(COMMANDS);
    expect(record).toMatchObject({
      key: world.commands[0]?.gid,
      headers: {
        ce_source: '/services/orders',
        'atone-reply-to': expect.stringMatching(/^atone\.replies\.orders\/[01]$/u),
        'atone-signature': expect.stringContaining('kid=k1'),
      },
    });
    expect(world.commands[0]).toMatchObject({ op: 'action', attempt: 1, led: { initiator: 'orders' } });
  });

  test('goes by one request with those that are made at the same time', async () => {
    await serve((command) => done(command));
    const sizes: number[] = [];
    kafka.faults = {
      request: (records) => {
        sizes.push(records.filter(({ topic }) => topic === COMMANDS).length);
        return 'answered';
      },
    };
    const client = clientOver(overKafka());

    await lead(() => Promise.all(['a', 'b', 'c'].map(async (note) => client.hold({ note }))));

    expect(sizes.filter((size) => size > 0)).toEqual([3]);
  });

  test('whose answer is lost is made again under the same id', async () => {
    await serve(
      () => undefined,
      (command) => done(command),
    );

    await lead(() => clientOver(overKafka()).hold({ note: 'a' }));

    expect(attempts()).toEqual([
      ['1', 1],
      ['1', 2],
    ]);
    expect(world.coordinator.decision?.branches).toHaveLength(1);
  });

  test('that arrives twice, and is answered twice, returns once', async () => {
    await serve((command) => done(command));
    kafka.faults = { record: () => 'twice' };
    const calls = overKafka();

    const output = await lead(() => clientOver(calls).hold({ note: 'a' }));
    await world.clock.pass(10);

    expect(output).toEqual({ ok: true });
    expect(calls.counts.passedOver).toBe(3);
  });

  test('takes no answer to another attempt for its own', async () => {
    const calls = overKafka();
    await serve(
      (command) => {
        void kafka
          .client()
          .send([
            answerTo(
              { ...command, attempt: 2 },
              { outcome: 'already-undone' },
              { topic: ANSWERS, partition: 0 },
            ),
          ]);
        return undefined;
      },
      (command) => done(command),
    );

    const output = await lead(() => clientOver(calls).hold({ note: 'a' }));

    expect(output).toEqual({ ok: true });
    expect(calls.counts).toMatchObject({ passedOver: 1, dead: 0 });
  });

  test('takes no answer that nobody has signed, where it has keys, and it goes to the dead letters', async () => {
    const calls = overKafka({ keys: [KEY] });
    await serve(
      (command) => done(command),
      (command) => {
        origin = { signingKey: KEY };
        return done(command);
      },
    );

    await lead(() => clientOver(calls).hold({ note: 'a' }));

    expect(attempts()).toHaveLength(2);
    expect(calls.counts).toMatchObject({ dead: 1, distrusted: 1 });
    expect(kafka.records(DEAD)[0]?.headers).toMatchObject({ 'atone-dead-topic': ANSWERS });
  });

  test('passes over what cannot be read, though the dead letters cannot be stored', async () => {
    const warnings: string[] = [];
    const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
    const calls = overKafka({ log });
    await lead(async () => calls.open());
    kafka.faults = {
      request: (records) => (records[0]?.topic === DEAD ? 'unreachable' : 'answered'),
    };
    await kafka.client().send([{ topic: ANSWERS, key: 'a', value: 'nonsense', headers: {} }]);
    await serve((command) => done(command));

    const output = await lead(() => clientOver(calls).hold({ note: 'a' }));

    expect([output, calls.counts.dead]).toEqual([{ ok: true }, 1]);
    expect(warnings).toEqual([
      'a record was put with the dead letters',
      'trouble with dead letters of answers',
    ]);
  });
});

describe('a call over Kafka whose place for the answer goes to another instance', () => {
  test('is asked again at once, and not when its time is over', async () => {
    const [calls, other] = [overKafka(), overKafka()];
    await serve(
      () => {
        kafka.rebalance(ANSWERS);
        return undefined;
      },
      (command) => done(command),
    );
    const before = world.clock.now();

    await lead(async () => {
      calls.open();
      await clientOver(other).hold({ note: 'a' });
    });

    expect(attempts()).toEqual([
      ['1', 1],
      ['1', 2],
    ]);
    expect(world.clock.now() - before).toBeLessThan(1_000);
    expect(other.counts.askedAgain).toBe(1);
  });

  test('waits while this process holds none, and goes on when it holds one', async () => {
    await serve((command) => done(command));
    const createTopics = { partitionCount: 1, replicationFactor: 1 };
    const [holder, lonely] = [overKafka({ createTopics }), overKafka({ createTopics })];
    await lead(async () => holder.open());
    world.clock.setTimer(3_000, () => void holder.close());

    const output = await lead(() => clientOver(lonely).hold({ note: 'a' }));

    expect(output).toEqual({ ok: true });
    expect(world.clock.now()).toBeLessThan(6_000);
  });

  test('was never sent where more instances share the topic than it has partitions, and the error says so', async () => {
    await serve((command) => done(command));
    const createTopics = { partitionCount: 1, replicationFactor: 1 };
    const [holder, lonely] = [overKafka({ createTopics }), overKafka({ createTopics })];
    await lead(async () => holder.open());

    const error = await failing(clientOver(lonely));

    expect(error).toMatchObject({
      code: 'NOT_SENT',
      message: expect.stringContaining('more instances share the topic than it has partitions'),
    });
    expect([world.commands, world.coordinator.decisions]).toEqual([[], []]);
  });
});

describe('a call that Kafka does not take', () => {
  test('may have left where nobody knows, and is undone', async () => {
    const calls = overKafka();
    await lead(async () => calls.open());
    kafka.faults = { request: () => 'unreachable' };

    const error = await failing(clientOver(calls));

    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', outcome: 'aborted' });
    expect(world.coordinator.decision).toMatchObject({ to: 'abort', thrown: [{ branchId: '1' }] });
  });

  test('is answered all the same if it was stored', async () => {
    await serve((command) => done(command));
    const calls = overKafka();
    let isFirst = true;
    kafka.faults = {
      request: ([record]) => {
        const isCommand = record?.topic === COMMANDS && isFirst;
        isFirst = isFirst && !isCommand;
        return isCommand ? 'unanswered' : 'answered';
      },
    };

    await lead(() => clientOver(calls).hold({ note: 'a' }));

    expect(world.coordinator.decision?.branches).toHaveLength(1);
  });

  test('has not left where the brokers said no, and there is nothing to undo', async () => {
    const directory = { waysTo: async () => ({ baseUrls: [], topic: 'atone.commands.nobody' }) };

    const error = await failing(clientOver(overKafka(), directory));

    expect(error).toMatchObject({ code: 'NOT_SENT', message: expect.stringContaining('no such topic') });
    expect(world.coordinator.decisions).toEqual([]);
  });

  test.each([
    ['a record', 1_000_001],
    ['the topic', 600_000],
  ])('for it is larger than %s may be is made only once', async (_title, length) => {
    kafka = new MemoryKafka({ clock, recordBytesMax: 500_000 });
    await kafka.client().createTopics([{ name: COMMANDS, ...PARTITIONS }]);
    const client = clientOver(overKafka());
    const before = world.clock.now();

    const error = await lead(() => client.hold({ note: 'x'.repeat(length) })).catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toMatchObject({ code: 'NOT_SENT', errorClass: 'code' });
    expect([world.clock.now(), world.coordinator.decisions]).toEqual([before, []]);
  });

  test('S12: never leaves when its time was over before what was sent earlier had', async () => {
    await serve((command) => done(command));
    const client = clientOver(overKafka());
    kafka.faults = { delayMs: (step) => (step === 'send' ? 1_500 : 0) };

    const [early, late] = await lead(async () => {
      const first = client.hold({ note: 'early' });
      await new Promise<void>((resolve) => {
        world.clock.setTimer(500, resolve);
      });
      const second = client.hold({ note: 'late' }, { timeout: '500ms' });
      return Promise.allSettled([first, second]);
    });
    await world.clock.pass(20_000);

    expect(early.status).toBe('fulfilled');
    expect(late).toMatchObject({ reason: { code: 'CALL_TIMEOUT' } });
    expect(kafka.records(COMMANDS).map(({ value }) => JSON.parse(value ?? '').input)).toEqual([
      { note: 'early' },
    ]);
    expect(world.coordinator.decision?.thrown ?? []).toEqual([]);
  });

  test('says what to configure where the topic of the answers is missing', async () => {
    const error = await failing(clientOver(overKafka({ createTopics: undefined })));

    expect(error).toMatchObject({
      code: 'NOT_SENT',
      errorClass: 'code',
      message: expect.stringMatching(/no topic atone\.replies\.orders, atone\.dead.*createTopics/u),
    });
  });

  test('finds its topics once somebody has created them', async () => {
    await serve((command) => done(command));
    const client = clientOver(overKafka({ createTopics: undefined }));
    await failing(client);
    await kafka.client().createTopics([
      { name: ANSWERS, ...PARTITIONS },
      { name: DEAD, ...PARTITIONS },
    ]);

    const output = await lead(() => client.hold({ note: 'a' }));

    expect(output).toEqual({ ok: true });
  });
});

describe('a service that is reached both ways', () => {
  beforeEach(() => {
    world.services.set('payments', async (command) => done(command, { nonce: 'by-request' }));
    return serve((command) => done(command, { nonce: 'by-record' }));
  });

  test.each([
    ['by a request', false, 'by-request'],
    ['over Kafka where that is preferred', true, 'by-record'],
  ])('is called %s', async (_title, preferred, nonce) => {
    const calls = overKafka({ preferred });
    const client = clientOver(calls, BOTH_WAYS);
    await world.clock.pass(10);

    await lead(() => client.hold({ note: 'a' }));

    expect(world.coordinator.decision?.branches).toMatchObject([{ nonce }]);
  });

  test('is called by a request, whatever is preferred, while this process would not hear of an answer over Kafka', async () => {
    const createTopics = { partitionCount: 1, replicationFactor: 1 };
    const [holder, lonely] = [overKafka({ createTopics }), overKafka({ createTopics, preferred: true })];
    await lead(async () => holder.open());

    await lead(() => clientOver(lonely, BOTH_WAYS).hold({ note: 'a' }));

    expect(world.coordinator.decision?.branches).toMatchObject([{ nonce: 'by-request' }]);
  });
});

describe('when calls over Kafka are closed', () => {
  test('who waits is told so at once, and nothing leaves any more', async () => {
    const calls = overKafka();
    const way = { topic: COMMANDS, replyTimeoutMs: 1_000 };
    const [asked, later] = [COMMAND, { ...COMMAND, attempt: 2 }];
    const [send, sendLater] = [await calls.route(asked, way), await calls.route(later, way)];
    const answer = send();

    await calls.close();

    expect(await answer).toMatchObject({ outcome: 'unknown', error: { class: 'unreachable' } });
    await expect(sendLater()).rejects.toMatchObject({ name: 'NotConnectedError' });
    expect(kafka.records(COMMANDS)).toHaveLength(1);
  });

  test('who was about to join does not stay in the group', async () => {
    const calls = overKafka();
    calls.open();

    await world.clock.run(calls.close());

    expect(calls.isReady).toBe(false);
    expect(await failing(clientOver(calls))).toMatchObject({ code: 'NOT_SENT' });
  });
});
