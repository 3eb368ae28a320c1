import { describe, expect, test } from '@jest/globals';
import { Kafka, type CloudEvent } from 'cloudevents';
import { replyTo, type BranchCommand } from './command.schema.js';
import { readCommandRecord, readReplyRecord, RECORD_AGE_MAX_MS, type RecordTrust } from './kafka.reading.js';
import {
  COMMAND_BYTES_MAX,
  commandRecord,
  deadRecord,
  forwardedRecord,
  REPLY_BYTES_MAX,
  replyRecord,
  type RecordOrigin,
  type StoredRecord,
  type WireRecord,
} from './kafka.record.js';
import { commandsTopic, deadTopic, repliesTopic } from './kafka.topics.js';

const NOW = 1_767_225_600_000;
const KEY = { keyId: 'k1', secret: 'a secret' };
const TRUST: RecordTrust = { keys: [KEY], nowMs: NOW };
const OPEN: RecordTrust = { keys: [], nowMs: NOW };
const PLACE = { topic: 'atone.commands.stock', replyTo: { topic: 'atone.replies', partition: 3 } };
const ORIGIN: RecordOrigin = { source: '/coordinators/one', nowMs: NOW, signingKey: KEY };

const COMMAND: BranchCommand = {
  gid: '0193d6c0-0000-7000-8000-000000000001',
  branchId: 'reserve',
  op: 'action',
  round: 1,
  attempt: 2,
  service: 'stock',
  action: 'reserve',
  input: { sku: 'zwölf', count: 2 },
  issuedAt: NOW - 5,
  lane: 'green',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const REPLY = replyTo(COMMAND, { outcome: 'done', output: { left: 3 } });

function stored(record: WireRecord, change: Partial<StoredRecord> = {}): StoredRecord {
  return { ...record, partition: record.partition ?? 0, offset: 17n, ...change };
}

function command(change: Partial<StoredRecord> = {}): StoredRecord {
  return stored(commandRecord(COMMAND, PLACE, ORIGIN), change);
}

function reply(change: Partial<StoredRecord> = {}): StoredRecord {
  return stored(replyRecord(REPLY, PLACE.replyTo, ORIGIN), change);
}

function read(record: StoredRecord, trust = TRUST): ReturnType<typeof readCommandRecord> {
  return readCommandRecord(record, trust, 'atone');
}

function eventOf(record: StoredRecord): CloudEvent<unknown> {
  const { key, value, headers } = record;
  return Kafka.toEvent({ key, value, headers, body: value } as never) as CloudEvent<unknown>;
}

describe('a command as a record', () => {
  test('is read as it was sent, and names the place of its answer', () => {
    const seen = read(command());

    expect(seen).toEqual({ type: 'command', command: COMMAND, replyTo: PLACE.replyTo });
  });

  test('is an event of CloudEvents 1.0, as their own library reads it', () => {
    const event = eventOf(command());

    expect(event.validate()).toBe(true);
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'dev.atone.command.v1',
      source: '/coordinators/one',
      id: '0193d6c0-0000-7000-8000-000000000001/reserve/action/1/2',
    });
  });

  test('keeps to the partition of its transaction, and tells its lane and its trace in headers', () => {
    const record = commandRecord(COMMAND, PLACE, ORIGIN);

    expect(record).toMatchObject({
      topic: 'atone.commands.stock',
      key: COMMAND.gid,
      headers: { 'x-lane': 'green', traceparent: COMMAND.traceparent, 'content-type': 'application/json' },
    });
    expect(record.partition).toBeUndefined();
  });

  test('is read as well with attributes of an event that it need not have', () => {
    const { headers } = command();
    const more = { ce_subject: `${COMMAND.gid}/reserve`, ce_time: '2026-01-01T00:00:00.000Z' };

    const seen = read(command({ headers: { ...headers, ...more } }));

    expect(seen).toMatchObject({ type: 'command', command: COMMAND });
  });

  test('that is malformed can be answered where it names its attempt', () => {
    const value = JSON.stringify({ ...COMMAND, action: '' });

    const seen = read(command({ value }), OPEN);

    expect(seen).toMatchObject({
      type: 'malformed',
      attempt: { branchId: 'reserve', attempt: 2 },
      replyTo: PLACE.replyTo,
      reason: expect.stringMatching(/^The command is malformed: \/action: /u),
    });
  });
});

describe('a record that makes no sense tells why', () => {
  const { headers } = command();
  test.each<[string, Partial<StoredRecord>, RegExp]>([
    ['a tombstone', { value: undefined }, /^It has no value\.$/u],
    ['no JSON', { value: '{' }, /no JSON/u],
    ['a value that is too large', { value: 'x'.repeat(COMMAND_BYTES_MAX + 1) }, /1000001 octets.*1000000/u],
    ['a value that nests too deeply', { value: '['.repeat(10_000) }, /nests deeper/u],
    ['no attempt', { value: '{}' }, /^The command is malformed: \/gid: /u],
    ['no event', { headers: {} }, /ce_specversion is missing/u],
    ['an event of another type', { headers: { ...headers, ce_type: 'dev.atone.command.v2' } }, /ce_type/u],
    ['another version', { headers: { ...headers, 'atone-protocol': '2' } }, /version '2'/u],
    ['no place for the answer', { headers: { ...headers, 'atone-reply-to': 'atone.replies' } }, /reply-to/u],
    ['an answer to elsewhere', { headers: { ...headers, 'atone-reply-to': 'payroll/1' } }, /reply-to/u],
  ])('when it is %s', (_title, change, reason) => {
    const seen = read(command(change), OPEN);

    expect(seen).toEqual({ type: 'unreadable', cause: 'content', reason: expect.stringMatching(reason) });
  });

  test.each<[string, Partial<StoredRecord>]>([
    ['is a command', { headers }],
    ['is too large', { value: 'x'.repeat(REPLY_BYTES_MAX + 1) }],
    ['has an outcome that nobody knows', { value: JSON.stringify({ ...REPLY, reply: { outcome: 'x' } }) }],
  ])('also in place of a reply, when it %s', (_title, change) => {
    const seen = readReplyRecord(reply(change), OPEN);

    expect(seen).toMatchObject({ type: 'unreadable', cause: 'content' });
  });
});

describe('a signature', () => {
  test.each<[string, StoredRecord]>([
    ['is missing', stored(commandRecord(COMMAND, PLACE, { ...ORIGIN, signingKey: undefined }))],
    ['is of another topic', command({ topic: 'atone.commands.pay' })],
    ['is of another value', command({ value: JSON.stringify({ ...COMMAND, round: 2 }) })],
    [
      'is of another place for the answer',
      command({ headers: { ...command().headers, 'atone-reply-to': 'atone.replies/4' } }),
    ],
    ['is of somebody else', stored(commandRecord(COMMAND, PLACE, { ...ORIGIN, signingKey: otherKey() }))],
  ])('that %s is none', (_title, record) => {
    const seen = read(record);

    expect(seen).toMatchObject({ type: 'unreadable', cause: 'signature' });
  });

  test('holds for as long as a record may wait, and no longer', () => {
    const seen = [RECORD_AGE_MAX_MS, RECORD_AGE_MAX_MS + 1].map((ageMs) =>
      read(command(), { ...TRUST, nowMs: NOW + ageMs }),
    );

    expect(seen.map(({ type }) => type)).toEqual(['command', 'unreadable']);
  });

  test('may be asked to be younger', () => {
    const seen = read(command(), { ...TRUST, nowMs: NOW + 1_001, ageMaxMs: 1_000 });

    expect(seen).toMatchObject({ cause: 'signature', reason: expect.stringContaining('too old') });
  });
});

describe('a reply as a record', () => {
  test('goes to the partition that its command has named, and is read as it was given', () => {
    const record = replyRecord(REPLY, PLACE.replyTo, { ...ORIGIN, source: '/services/stock' });

    const seen = readReplyRecord(stored(record), TRUST);

    expect(record).toMatchObject({ topic: 'atone.replies', partition: 3, key: COMMAND.gid });
    expect(seen).toEqual({ type: 'reply', envelope: REPLY, isForwarded: false });
    expect(eventOf(stored(record)).validate()).toBe(true);
  });

  test('that was sent on is as good as before, and tells so', () => {
    const record = forwardedRecord(reply(), { partition: 7, by: 'one' });

    const seen = readReplyRecord(stored(record), TRUST);

    expect(record).toMatchObject({ partition: 7, key: COMMAND.gid });
    expect(seen).toEqual({ type: 'reply', envelope: REPLY, isForwarded: true });
  });
});

test('a dead letter keeps the record, where it was, and why', () => {
  const poison = command({ key: undefined, value: 'x' });

  const dead = deadRecord(poison, { topic: deadTopic('atone'), reason: 'Its value is no JSON.' });

  expect(dead).toEqual({
    topic: 'atone.dead',
    key: '',
    value: 'x',
    headers: {
      ...poison.headers,
      'atone-dead-reason': 'Its value is no JSON.',
      'atone-dead-topic': 'atone.commands.stock',
      'atone-dead-partition': '0',
      'atone-dead-offset': '17',
    },
  });
});

test('no two services or lanes share a topic, whatever dots their names have', () => {
  const topics = [
    commandsTopic('atone', 'stock'),
    commandsTopic('atone', 'stock', 'green'),
    commandsTopic('atone', 'stock.green'),
    commandsTopic('atone', 'stock.', 'green'),
    commandsTopic('atone', 'stock..green'),
    repliesTopic('atone'),
    repliesTopic('atone', 'stock'),
  ];

  expect(topics.slice(0, 2)).toEqual(['atone.commands.stock', 'atone.commands.stock.green']);
  expect(new Set(topics).size).toBe(topics.length);
});

function otherKey(): { keyId: string; secret: string } {
  return { ...KEY, secret: 'a guess' };
}
