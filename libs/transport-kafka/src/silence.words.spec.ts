import type { CatalogueInstance } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import { silenceWords } from './silence.words.js';

const NOW = 1_767_225_600_000;
const TOPIC = 'atone.commands.stock';

function seen(agoMs: number, topic = TOPIC): CatalogueInstance {
  return {
    service: 'stock',
    instance: `stock-${agoMs}`,
    kafka: { topic },
    kind: 'library',
    protocol: 1,
    actions: [],
    registeredAt: NOW - agoMs,
    seenAt: NOW - agoMs,
  };
}

function words(...instances: readonly CatalogueInstance[]): string {
  return silenceWords({ service: 'stock', topic: TOPIC, instances, nowMs: NOW });
}

test('where instances are there, their logs and the lag of their group are worth a look', () => {
  expect(words(seen(4_000), seen(9_000), seen(95_000), seen(1_000, 'atone.commands.stock.blue'))).toBe(
    "No reply came in time from the service 'stock', asked over atone.commands.stock: 2 instances are there " +
      '(last seen 4 s ago). Look in the log of the service for trouble with Kafka or for long work, and whether the consumer ' +
      'group of the topic lags behind.',
  );
});

test('one that is there is not called several', () => {
  expect(words(seen(4_000))).toContain(': one instance is there (last seen 4 s ago). Look in');
});

test.each([
  [95_000, '95 s'],
  [600_000, '10 min'],
  [7_200_000, '2 h'],
])('where the last one was seen %i ms ago, one has to be started', (agoMs, ago) => {
  expect(words(seen(agoMs), seen(8_000_000))).toBe(
    "No reply came in time from the service 'stock', asked over atone.commands.stock: none of its instances is there " +
      `(2 known, last seen ${ago} ago). Start one, and it finds there what was sent.`,
  );
});

test('where nobody reads the topic any more, that is said', () => {
  expect(words(seen(1_000, 'atone.commands.stock.blue'))).toBe(
    "No reply came in time from the service 'stock', asked over atone.commands.stock: no instance that reads it is registered " +
      'any more. Start one, and it finds there what was sent.',
  );
});
