import { describe, expect, test } from '@jest/globals';
import type { SendFailure } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';
import { LibraryClient } from './library.client.js';
import type { KafkaLibrary, PlacedRecord } from './library.port.js';

describe('a client over a library', () => {
  test('tries again to store records while a broker cannot be reached', async () => {
    const { client, stored } = clientOver({ failures: ['unreachable', 'unreachable'] });

    await client.send([record('a')]);

    expect(stored.map(({ value }) => value)).toEqual(['a']);
  });

  test('does not try again what the broker has refused', async () => {
    const { client, stored } = clientOver({ failures: ['refused'] });

    const sending = client.send([record('a')]);

    await expect(sending).rejects.toMatchObject({ failure: 'refused', isMaybeStored: false });
    expect(stored).toEqual([]);
  });

  test('places each record, and refuses one for a partition that is not there', async () => {
    const { client, stored } = clientOver({ failures: [] });
    const placed = { ...record('placed'), partition: 2 };
    const lost = { ...record('lost'), partition: 3 };

    const sending = client.send([placed, lost]);

    await expect(sending).rejects.toMatchObject({ failure: 'refused', records: [lost] });
    expect(stored).toMatchObject([{ value: 'placed', partition: 2 }]);
  });

  test('is closed once, and then does nothing more', async () => {
    const { client, closed } = clientOver({ failures: [] });

    await Promise.all([client.close(), client.close()]);

    expect(closed).toEqual(['closed']);
    await expect(client.partitionCounts(['orders'])).rejects.toMatchObject({ code: 'KAFKA_CLOSED' });
    const subscribing = client.subscribe({
      groupId: 'g',
      topics: ['orders'],
      from: 'earliest',
      onBatch: async () => undefined,
    });
    await expect(subscribing).rejects.toMatchObject({ code: 'KAFKA_CLOSED' });
  });
});

/** A client over a library whose first tries fail, one after the other. */
function clientOver({ failures }: { readonly failures: SendFailure[] }) {
  const stored: PlacedRecord[] = [];
  const closed: string[] = [];
  const library: KafkaLibrary = {
    store: async (records) => {
      const failure = failures.shift();
      if (failure !== undefined) {
        throw new Error(failure);
      }
      stored.push(...records);
    },
    failureOf: (error) => (error as Error).message as SendFailure,
    partitionCounts: async (topics) => new Map(topics.map((topic) => [topic, 3])),
    createTopic: async () => undefined,
    consume: async () => undefined,
    close: async () => {
      closed.push('closed');
    },
  };
  return { client: new LibraryClient(library, ['a:9092']), closed, stored };
}

function record(value: string): OutgoingRecord {
  return { topic: 'orders', key: 'k', value, headers: {} };
}
