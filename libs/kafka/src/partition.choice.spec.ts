import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { murmur2, partitionOf } from './partition.choice.js';

test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('the hash of %s is that of Kafka', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('a key goes where other clients of Kafka would send it', () => {
  const choose = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 17 }, (_, partitionId) => ({
    partitionId,
    leader: 1,
    isr: [],
    offlineReplicas: [],
    partitionErrorCode: 0,
    replicas: [],
  }));

  const wrong = Array.from({ length: 200 }, () => randomUUID().slice(Math.random() * 8)).filter((key) => {
    const theirs = choose({ topic: 't', partitionMetadata, message: { key, value: '' } });
    return theirs !== partitionOf({ topic: 't', key, value: '', headers: {} }, 17);
  });

  expect(wrong).toEqual([]);
});
