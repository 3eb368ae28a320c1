import { expect, test } from '@jest/globals';
import type { KafkaRecord, RecordsBatch } from '@platformatic/kafka';
import { endOf, recordsOf } from './record.batches.js';

const PLACE = { topic: 'orders', partition: 3 };

test('records are told with their offsets, texts, times and last headers', () => {
  const headers: KafkaRecord['headers'] = [
    [Buffer.from('h'), Buffer.from('first')],
    [Buffer.from('h'), Buffer.from('last')],
    [Buffer.from('none'), null],
  ];
  const records = [record({ offsetDelta: 0, headers }), record({ offsetDelta: 2, key: null, value: null })];

  const received = recordsOf(PLACE, [batch({ records })]);

  expect(received).toEqual([
    { ...PLACE, offset: 10n, key: 'k', value: 'v', headers: { h: 'last', none: '' }, timestamp: 1_005 },
    { ...PLACE, offset: 12n, key: undefined, value: undefined, headers: {}, timestamp: 1_005 },
  ]);
});

test('the time of a batch that the broker has timed is that of the broker', () => {
  const [received] = recordsOf(PLACE, [batch({ attributes: 0b1000, records: [record({})] })]);

  expect(received?.timestamp).toBe(9_000);
});

test('what brokers note for themselves is nobody’s record, and is read past', () => {
  const batches = [batch({}), batch({ firstOffset: 20n, attributes: 0b11_0000, records: [record({})] })];

  expect(recordsOf(PLACE, batches)).toEqual([]);
  expect(endOf(batches)).toBe(23n);
  expect(endOf([])).toBeUndefined();
});

function batch(parts: Partial<RecordsBatch>): RecordsBatch {
  return {
    firstOffset: 10n,
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: 2,
    firstTimestamp: 1_000n,
    maxTimestamp: 9_000n,
    producerId: -1n,
    producerEpoch: -1,
    firstSequence: -1,
    records: [],
    ...parts,
  };
}

function record(parts: Partial<KafkaRecord>): KafkaRecord {
  return {
    length: 0,
    attributes: 0,
    timestampDelta: 5n,
    offsetDelta: 0,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [],
    ...parts,
  };
}
