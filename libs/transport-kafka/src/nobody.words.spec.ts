import type { CatalogueInstance } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import { nobodyWords } from './nobody.words.js';

function instance(change: Partial<CatalogueInstance>): CatalogueInstance {
  return {
    service: 'billing',
    instance: 'billing-1',
    kind: 'library',
    protocol: 1,
    actions: [],
    registeredAt: 0,
    seenAt: 0,
    ...change,
  };
}

function words(instances: readonly CatalogueInstance[], lane?: string): string {
  return nobodyWords({ command: { service: 'billing', lane }, instances, prefix: 'other' });
}

test('a service that goes by another prefix is named with its topics, beside the prefix of the coordinator', () => {
  expect(
    words([
      instance({ kafka: { topic: 'mine.commands.billing' } }),
      instance({ kafka: { topic: 'mine.commands.billing' } }),
      instance({ kafka: { topic: 'mine.commands.billing.blue' }, lane: 'blue' }),
      instance({ baseUrl: 'http://127.0.0.1:1' }),
    ]),
  ).toBe(
    "The service 'billing' takes commands at mine.commands.billing, mine.commands.billing.blue, and this coordinator's prefix is " +
      "'other'. Give both the same: ATONE_KAFKA_PREFIX of the coordinators, and `prefix` of the service.",
  );
});

test('a service that nobody has entered is not said to be there', () => {
  expect(words([])).toBe("No instance of the service 'billing' is registered.");
});

test('a service that is reached by requests alone is told to be so', () => {
  expect(words([instance({ baseUrl: 'http://127.0.0.1:1' })])).toBe(
    "No instance of the service 'billing' takes commands over Kafka.",
  );
});

test.each([
  [undefined, 'outside of lanes'],
  ['green', "in the lane 'green' or outside of lanes"],
])(
  'where instances are in other lanes, a command in the lane %s is told where none was found',
  (lane, where) => {
    const blue = instance({ kafka: { topic: 'other.commands.billing.blue' }, lane: 'blue' });

    expect(words([blue], lane)).toBe(
      `No instance of the service 'billing' takes commands over Kafka ${where}.`,
    );
  },
);
