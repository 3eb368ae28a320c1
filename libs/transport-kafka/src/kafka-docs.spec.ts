import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';
import {
  COMMAND_BYTES_MAX,
  participantInstanceSchema,
  readCommandRecord,
  readReplyRecord,
  RECORD_HEADERS,
  REPLY_BYTES_MAX,
  type StoredRecord,
} from '@atone/protocol';

/** The secret of the example on the first page of the protocol. */
const KEY = { keyId: 'k1', secret: 'correct horse battery staple' };
const TRUST = { keys: [KEY], nowMs: 1_767_225_600_000 };

let page: string;

beforeAll(async () => {
  page = await readFile(new URL('../../../docs/protocol/kafka.md', import.meta.url), 'utf8');
});

/** Returns the records that the page shows, as if they were stored. */
function recordsOf(topics: readonly string[]): readonly StoredRecord[] {
  const blocks = [...page.matchAll(/```http\n(?<head>[\s\S]*?)\n\n(?<value>.*)\n```/gu)];
  return blocks.map(({ groups }, index) => {
    const lines = (groups?.['head'] ?? '').split('\n').map((line) => line.split(': ', 2));
    const headers = Object.fromEntries(lines) as Record<string, string>;
    const value = groups?.['value'];
    return { topic: topics[index] ?? '', partition: 3, offset: 0n, key: '', value, headers };
  });
}

test('the records of the page about Kafka are read, and signed as it says', () => {
  const [command, reply] = recordsOf(['atone.commands.stock', 'atone.replies']) as [
    StoredRecord,
    StoredRecord,
  ];

  expect(readCommandRecord(command, TRUST, 'atone')).toMatchObject({
    type: 'command',
    command: { branchId: 'reserve', service: 'stock' },
    replyTo: { topic: 'atone.replies', partition: 3 },
  });
  expect(readReplyRecord(reply, TRUST)).toMatchObject({
    type: 'reply',
    envelope: { branchId: 'reserve', reply: { outcome: 'done' } },
  });
});

test('the entry of the page about Kafka is one that a coordinator takes', () => {
  const { json = '' } = /```json\n(?<json>[\s\S]*?)\n```/u.exec(page)?.groups ?? {};
  const entry: unknown = JSON.parse(json);

  const { data } = participantInstanceSchema.safeParse(entry);

  expect(data).toEqual(entry);
});

test('the page about Kafka names each header of a record, and its limits', () => {
  const { forwarded: _ours, ...told } = RECORD_HEADERS;

  const missing = Object.values(told).filter((name) => !page.includes(name));

  expect(missing).toEqual([]);
  expect(page).toContain(COMMAND_BYTES_MAX.toLocaleString('en'));
  expect(page).toContain(REPLY_BYTES_MAX.toLocaleString('en'));
});
