import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import { commandRecord, readReplyRecord, repliesTopic, type BranchCommand } from '@atone/protocol';
import { z } from 'zod';
import { action, contract, type ActionHandler } from '../contract.js';
import { createParticipant, type Participant } from '../participant.js';
import { MemoryDatabase, type MemoryTransaction } from '../testing/memory.database.js';
import { startKafkaCommands, type KafkaCommands, type KafkaCommandsOptions } from './kafka.commands.js';

const REPLIES = repliesTopic('atone');
const TOPIC = 'atone.commands.ledger';
const GROUP = 'atone.ledger';
const KEY = { keyId: 'k1', secret: 'a secret' };
const ONE_PARTITION = { partitionCount: 1, replicationFactor: 1 };
const DONE: BranchReply = { outcome: 'done', output: null };

const ledger = contract('ledger', {
  book: action({ input: z.object({ text: z.string() }), output: z.null() }),
});

let kafka: MemoryKafka;
let database: MemoryDatabase;
let running: KafkaCommands[];
/** What opens when a test says so: the handlers of the branches named here wait for it. */
let gates: Map<string, Promise<void>>;
let started: string[];

beforeEach(async () => {
  kafka = new MemoryKafka();
  database = new MemoryDatabase();
  running = [];
  gates = new Map();
  started = [];
  await kafka.client().createTopics([{ name: REPLIES, partitionCount: 4, replicationFactor: 1 }]);
});

afterEach(async () => {
  kafka.faults = {};
  await Promise.all(running.map(async (commands) => commands.close()));
});

const book: ActionHandler<MemoryTransaction> = {
  contract: ledger.book,
  async run(input, { branchId, transaction }) {
    started.push(branchId);
    transaction.record((input as { text: string }).text);
    await gates.get(branchId);
    return null;
  },
  compensate: async ({ branchId, transaction }) => {
    started.push(`undo ${branchId}`);
    transaction.record(`undo ${branchId}`);
  },
};

function participantOf(change: Partial<Parameters<typeof createParticipant>[0]> = {}): Participant {
  return createParticipant<MemoryTransaction>({
    service: 'ledger',
    database: database.connect(),
    handlers: [book],
    ...(change as object),
  });
}

async function start(
  own: Partial<KafkaCommandsOptions> = {},
): Promise<KafkaCommands & { client: MemoryClient }> {
  const client = kafka.client();
  const commands = await startKafkaCommands({
    participant: participantOf(),
    client,
    createTopics: ONE_PARTITION,
    ...own,
  });
  running.push(commands);
  return Object.assign(commands, { client });
}

function command(branchId: string, change: Partial<BranchCommand> = {}): BranchCommand {
  return {
    gid: gid(1),
    branchId,
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'ledger',
    action: 'book',
    input: { text: branchId },
    issuedAt: 1,
    ...change,
  };
}

function gid(count: number): string {
  return `0193d6c0-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

/** Stores commands as a coordinator does. */
async function send(...commands: readonly BranchCommand[]): Promise<void> {
  await kafka.client().send(commands.map((one) => recordOf(one)));
}

function recordOf(one: BranchCommand, signingKey?: typeof KEY): ReturnType<typeof commandRecord> {
  const place = { topic: TOPIC, replyTo: { topic: REPLIES, partition: 2 } };
  return commandRecord(one, place, { source: '/coordinators/one', nowMs: Date.now(), signingKey });
}

/** What was answered, by branch, each as often as it was. */
function answers(): readonly (readonly [string, BranchReply])[] {
  return kafka.records(REPLIES).flatMap((record) => {
    const read = readReplyRecord(record, { keys: [], nowMs: 0 });
    return read.type === 'reply' ? [[read.envelope.branchId, read.envelope.reply] as const] : [];
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Has the handler of the branch wait until the function is called that is returned. */
function hold(branchId: string): () => void {
  const settle: { open?: () => void } = {};
  gates.set(
    branchId,
    new Promise((resolve) => {
      settle.open = resolve;
    }),
  );
  return () => settle.open?.();
}

/** Time that goes on when a test says so. */
function steppedClock(): KafkaCommandsOptions['clock'] & { pass(): void; dueCount(): number } {
  const due: (() => void)[] = [];
  return {
    now: () => Date.now(),
    setTimer: (_delayMs, callback) => {
      due.push(callback);
      return { cancel: () => void due.splice(due.indexOf(callback), due.includes(callback) ? 1 : 0) };
    },
    pass: () => due.splice(0).forEach((callback) => callback()),
    dueCount: () => due.length,
  };
}

describe('a service over Kafka', () => {
  test('answers to the partition that the command has named, and is done then', async () => {
    await start();

    await send(command('one'));

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(answers()).toEqual([['one', DONE]]);
    expect(kafka.records(REPLIES)).toMatchObject([{ partition: 2, key: gid(1) }]);
    expect(database.entries).toEqual(['one']);
  });

  test('takes what was sent before it was first there', async () => {
    await kafka.client().createTopics([{ name: TOPIC, ...ONE_PARTITION }]);
    await send(command('early'));

    const { kafka: place } = await start();

    await until(() => answers().length === 1);
    expect(place).toEqual({ topic: TOPIC });
  });

  test('takes those of one transaction one after the other', async () => {
    const open = hold('first');
    await start();

    await send(command('first'), command('second'), command('first', { op: 'compensate' }));

    await until(() => started.length > 0);
    const before = [...started];
    open();
    await until(() => answers().length === 3);
    expect({ before, after: started }).toEqual({
      before: ['first'],
      after: ['first', 'second', 'undo first'],
    });
  });

  test('takes different transactions at the same time, and answers each as soon as it can', async () => {
    const open = hold('slow');
    await start();

    await send(command('slow'), command('quick', { gid: gid(2) }));

    await until(() => answers().length === 1);
    const before = answers();
    const committed = kafka.committed(GROUP, TOPIC, 0);
    open();
    await until(() => answers().length === 2);
    expect({ before, committed }).toEqual({ before: [['quick', DONE]], committed: undefined });
  });

  test('has only so many transactions under way at once', async () => {
    const opens = ['1', '2', '3'].map(hold);
    await start({ parallelMax: 2 });

    await send(...['1', '2', '3'].map((branchId, index) => command(branchId, { gid: gid(index) })));

    await until(() => started.length === 2);
    opens[0]?.();
    await until(() => started.length === 3);
    opens.forEach((open) => open());
    await until(() => answers().length === 3);
    expect(started).toEqual(['1', '2', '3']);
  });
});

describe('what comes twice has one effect', () => {
  test('when the process dies between its own commit and that of the offset', async () => {
    kafka.faults = { isCommitLost: () => true };
    const dying = await start();
    await send(command('one'));
    await until(() => answers().length === 1);

    dying.client.kill();
    kafka.faults = {};
    await start();

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(answers()).toEqual([
      ['one', DONE],
      ['one', DONE],
    ]);
    expect(database.entries).toEqual(['one']);
  });

  test('when the answer may not have been stored', async () => {
    let failures = 0;
    kafka.faults = {
      request: ([record]) => (record?.topic === REPLIES && (failures += 1) <= 2 ? 'unreachable' : 'answered'),
    };
    await start();

    await send(command('one'));

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(answers()).toEqual([['one', DONE]]);
    expect(database.entries).toEqual(['one']);
  });

  test('when all that was ever sent is read again', async () => {
    await start();
    await send(command('one'), command('one', { op: 'compensate' }));
    await until(() => answers().length === 2);

    kafka.resetOffsets(GROUP, TOPIC);

    await until(() => answers().length === 4);
    expect(database.entries).toEqual(['one', 'undo one']);
  });
});

describe('what cannot be carried out', () => {
  test('is answered and kept with the dead letters where its attempt can be read', async () => {
    const { counts } = await start();
    const record = recordOf(command('bad'));

    await kafka.client().send([{ ...record, value: JSON.stringify({ ...command('bad'), action: '' }) }]);
    await send(command('good', { gid: gid(2) }));

    await until(() => answers().length === 2);
    expect(Object.fromEntries(answers())).toEqual({
      bad: {
        outcome: 'unknown',
        error: { class: 'bad-payload', message: expect.stringContaining('/action') },
      },
      good: DONE,
    });
    expect(kafka.records('atone.dead')).toMatchObject([
      { headers: { 'atone-dead-topic': TOPIC, 'atone-dead-offset': '0' } },
    ]);
    expect(counts).toMatchObject({ dead: 1, distrusted: 0 });
  });

  test('because nobody could read it harms no other, and the log of the service tells where it was', async () => {
    const lines: object[] = [];
    const { counts } = await start({
      log: {
        info: (fields, message) => void lines.push({ ...fields, message }),
        warn: (fields, message) => void lines.push({ ...fields, message }),
      },
    });

    await kafka.client().send([{ topic: TOPIC, key: 'k', value: '{', headers: {} }]);
    await send(command('good'));

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 2n);
    expect(answers()).toEqual([['good', DONE]]);
    expect(counts.dead).toBe(1);
    expect(lines).toEqual([
      { service: 'ledger', topic: TOPIC, partitions: [0], message: 'reads what Kafka brings' },
      {
        service: 'ledger',
        topic: TOPIC,
        partition: 0,
        offset: '0',
        reason: expect.stringContaining('ce_specversion'),
        message: 'a record was put with the dead letters',
      },
    ]);
  });

  test('because nobody signed it who may is not answered, and counted', async () => {
    const { counts } = await start({ keys: [KEY] });

    await kafka
      .client()
      .send([
        recordOf(command('unsigned')),
        recordOf(command('forged'), { ...KEY, secret: 'a guess' }),
        recordOf(command('signed'), KEY),
      ]);

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 3n);
    const [reply] = kafka.records(REPLIES);
    expect(answers()).toEqual([['signed', DONE]]);
    expect(counts).toMatchObject({ dead: 2, distrusted: 2 });
    expect(reply && readReplyRecord(reply, { keys: [KEY], nowMs: Date.now() }).type).toBe('reply');
  });

  test('because the place for its answer does not exist holds nothing up', async () => {
    const { counts } = await start();
    const nowhere = { topic: TOPIC, replyTo: { topic: REPLIES, partition: 99 } };

    await kafka.client().send([commandRecord(command('one'), nowhere, { source: '/', nowMs: Date.now() })]);

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(counts.unanswered).toBe(1);
    expect(database.entries).toEqual(['one']);
  });

  test('because the brokers do not take its answer for long holds nothing up either', async () => {
    kafka.faults = {
      request: (records) => (records.some(({ topic }) => topic === REPLIES) ? 'unreachable' : 'answered'),
    };
    const { counts } = await start();

    await send(command('one'));

    await until(() => kafka.committed(GROUP, TOPIC, 0) === 1n);
    expect(counts.unanswered).toBe(1);
    expect(database.entries).toEqual(['one']);
  });

  test('because its answer is too large for a record is told in short', async () => {
    const large: Participant = {
      ...participantOf(),
      execute: async () => ({ outcome: 'done', output: 'x'.repeat(70_000) }),
    };
    await start({ participant: large });

    await send(command('one'));

    await until(() => answers().length === 1);
    expect(answers()).toMatchObject([['one', { outcome: 'unknown', error: { class: 'bad-payload' } }]]);
  });
});

describe('a handler that does not return', () => {
  test('lets those behind it have their turn after a while, and is answered when it ends', async () => {
    const clock = steppedClock();
    const open = hold('hangs');
    const { counts } = await start({ clock });
    await send(command('hangs'));
    await until(() => started.length === 1);
    await send(command('other', { gid: gid(2) }));

    clock.pass();

    await until(() => answers().length === 1);
    const before = { answers: answers(), slow: counts.slow };
    open();
    await until(() => answers().length === 2);
    expect(before).toEqual({ answers: [['other', DONE]], slow: 1 });
    expect(answers()[1]).toEqual(['hangs', DONE]);
  });

  test('has the other commands of its transaction asked again, so that none of them waits or overtakes it', async () => {
    const clock = steppedClock();
    const open = hold('hangs');
    const { counts } = await start({ clock });
    await send(command('hangs'), command('hangs', { op: 'compensate' }));
    await until(() => started.length === 1);

    clock.pass();
    await until(() => answers().length === 1);
    await send(command('hangs', { op: 'compensate', attempt: 2 }));

    await until(() => answers().length === 2);
    expect(answers().map(([, reply]) => reply)).toMatchObject([
      {
        outcome: 'unknown',
        error: { class: 'unreachable', message: expect.stringContaining('take too long') },
      },
      { outcome: 'unknown', error: { class: 'unreachable', message: expect.stringContaining('under way') } },
    ]);
    expect({ started, ...counts }).toMatchObject({ started: ['hangs'], slow: 1, busy: 2 });
    open();
    await until(() => answers().length === 3);
  });

  test('is named in the log, once, when it and others like it keep all turns', async () => {
    const clock = steppedClock();
    const warnings: unknown[] = [];
    const log = { warn: (fields: object, message: string) => void warnings.push({ message, ...fields }) };
    const open = [hold('first'), hold('second')];
    const { counts } = await start({ clock, log, parallelMax: 2 });
    await send(command('first'), command('second', { gid: gid(2) }), command('third', { gid: gid(3) }));
    await until(() => started.length === 2);

    clock.pass();
    await until(() => counts.busy === 1);
    await send(command('fourth', { gid: gid(4) }));
    await until(() => kafka.records(TOPIC).length === 4 && clock.dueCount() > 0);
    clock.pass();

    await until(() => counts.busy === 2);
    expect(warnings).toEqual([
      {
        message: 'trouble with commands that do not return',
        service: 'ledger',
        topic: TOPIC,
        error: expect.stringMatching(
          `All 2 commands .* The oldest is the action ledger.book of branch first of ${gid(1)}, for \\d+ s`,
        ),
      },
    ]);
    open.forEach((release) => release());
    await until(() => answers().length === 4);
  });

  test('is waited for when the service closes', async () => {
    const open = hold('slow');
    const commands = await start();
    await send(command('slow'));
    await until(() => started.length === 1);

    const closed = commands.close();
    open();
    await closed;

    expect(answers()).toEqual([['slow', DONE]]);
    expect(kafka.committed(GROUP, TOPIC, 0)).toBe(1n);
  });
});

describe('a service whose topic', () => {
  test('is missing does not start, and says what to do', async () => {
    await expect(start({ createTopics: undefined })).rejects.toMatchObject({
      name: 'MisuseError',
      message: expect.stringMatching(
        /there is no topic atone\.commands\.ledger, atone\.dead\. .* run:\nkafka/u,
      ),
    });
  });

  test('would have too long a name does not start', async () => {
    await expect(start({ prefix: 'x'.repeat(240) })).rejects.toThrow('longer name than Kafka takes');
  });

  test('is that of a lane takes what is sent to the lane', async () => {
    const { kafka: place } = await start({ lane: 'green' });

    await kafka.client().send([{ ...recordOf(command('one', { lane: 'green' })), topic: place.topic }]);

    await until(() => answers().length === 1);
    expect(place.topic).toBe('atone.commands.ledger.green');
  });
});
