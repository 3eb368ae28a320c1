import type { BranchReply } from '@atone/core';
import { MemoryKafka } from '@atone/kafka/testing';
import { commandRecord, readReplyRecord, type BranchCommand, type Ending } from '@atone/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from '../contract.js';
import { createParticipant, type ParticipantOptions } from '../participant.js';
import { MemoryDatabase, type MemoryTransaction } from '../testing/memory.database.js';
import { startKafkaCommands, type KafkaCommands } from './kafka.commands.js';

const GID = '0193d6c0-0000-7000-8000-000000000001';
const TOPIC = 'atone.commands.ledger';
const PARTITIONS = { partitionCount: 1, replicationFactor: 1 };
const HOUR_MS = 3_600_000;
const LIVE: Ending = { gid: GID, isLive: true };
const ENDED: Ending = { gid: GID, isLive: false, endedForMs: 5_000 };
const ledger = contract('ledger', { book: action({ input: z.object({}), output: z.null() }) });

let kafka: MemoryKafka;
let database: MemoryDatabase;
let commands: KafkaCommands | undefined;
let askedCount: number;
/** What the coordinator tells; undefined: it is not there. */
let endings: readonly Ending[] | undefined;

beforeEach(async () => {
  kafka = new MemoryKafka();
  database = new MemoryDatabase();
  askedCount = 0;
  endings = [LIVE];
  await kafka.client().createTopics([{ name: 'atone.replies', ...PARTITIONS }]);
});

afterEach(async () => commands?.close());

async function start(own: Partial<ParticipantOptions<MemoryTransaction>> = {}): Promise<void> {
  const participant = createParticipant<MemoryTransaction>({
    service: 'ledger',
    database: database.connect(),
    handlers: [
      {
        contract: ledger.book,
        run: async (_input, { transaction }) => {
          transaction.record('booked');
          return null;
        },
        compensate: async () => undefined,
      },
    ],
    endings: {
      endings: async () => {
        askedCount += 1;
        if (endings === undefined) {
          throw new Error('connect ECONNREFUSED');
        }
        return endings;
      },
    },
    ...own,
  });
  commands = await startKafkaCommands({ participant, client: kafka.client(), createTopics: PARTITIONS });
}

/** Sends a command that has waited for `ageMs`, and returns what is answered. */
async function answerTo(
  ageMs: number,
  change: Partial<BranchCommand> = {},
): Promise<BranchReply | undefined> {
  const nowMs = Date.now();
  const command: BranchCommand = {
    gid: GID,
    branchId: 'book',
    op: 'action',
    round: 1,
    attempt: 1,
    service: 'ledger',
    action: 'book',
    input: {},
    issuedAt: nowMs - ageMs,
    ...change,
  };
  const before = kafka.records('atone.replies').length;
  const place = { topic: TOPIC, replyTo: { topic: 'atone.replies', partition: 0 } };
  await kafka.client().send([commandRecord(command, place, { source: '/coordinators/one', nowMs })]);
  while (kafka.records('atone.replies').length === before) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const [record] = kafka.records('atone.replies').slice(before);
  const read = record && readReplyRecord(record, { keys: [], nowMs });
  return read?.type === 'reply' ? read.envelope.reply : undefined;
}

describe('an action that has lain in its topic for long', () => {
  test.each([
    ['has ended since', [ENDED], 'has ended 5 s ago'],
    ['the log does not hold', [], 'does not hold the transaction'],
  ])('is not carried out if its transaction %s', async (_title, told, why) => {
    endings = told;
    await start();

    expect(await answerTo(HOUR_MS)).toMatchObject({
      outcome: 'unknown',
      error: { message: expect.stringMatching(`it was sent long ago.*${why}`) },
    });
    expect([database.entries, askedCount]).toEqual([[], 1]);
  });

  test('is carried out if its transaction is live', async () => {
    await start();

    expect(await answerTo(HOUR_MS)).toMatchObject({ outcome: 'done' });
    expect([database.entries, askedCount]).toEqual([['booked'], 1]);
  });

  test('waits for its next attempt where nobody can be asked', async () => {
    endings = undefined;
    await start();

    expect(await answerTo(HOUR_MS)).toMatchObject({ outcome: 'unknown', error: { class: 'unreachable' } });
    expect(await answerTo(0, { attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(database.entries).toEqual(['booked']);
  });

  test('finds its answer without a question where it has one', async () => {
    await start();
    await answerTo(0);

    expect(await answerTo(HOUR_MS, { attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect([database.entries, askedCount]).toEqual([['booked'], 0]);
  });

  test('is carried out by a service that has nobody to ask', async () => {
    await start({ endings: undefined });

    expect(await answerTo(HOUR_MS)).toMatchObject({ outcome: 'done' });
  });
});

test.each([
  ['an action that is half a minute old', 30_000, { op: 'action' } as const],
  ['what undoes a branch', HOUR_MS, { op: 'compensate' } as const],
  [
    'a call of a led transaction that has time left',
    HOUR_MS,
    { branchId: '1', remainingMs: HOUR_MS, led: ledOf() } as const,
  ],
])('nobody is asked about %s', async (_title, ageMs, change) => {
  endings = [];
  const gid = gidOfNow();
  await start();

  expect((await answerTo(ageMs, { ...change, gid }))?.outcome).toMatch(/done|undone/u);
  expect(askedCount).toBe(0);
});

function ledOf(): NonNullable<BranchCommand['led']> {
  return { secretHash: 'ab'.repeat(32), epoch: 1, initiator: 'orders' };
}

/** A led transaction must be young. */
function gidOfNow(): string {
  const ms = Date.now().toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-000000000001`;
}
