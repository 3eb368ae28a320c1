import { describe, expect, test } from '@jest/globals';
import type { Place } from './consuming/group.work.js';
import type { SendFailure } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';
import { LibraryClient } from './library.client.js';
import type { KafkaLibrary, PlacedRecord } from './library.port.js';
import { Door } from './testing/kafka.reader.js';

describe('a client over a library', () => {
  test('tries again to store records while a broker cannot be reached', async () => {
    const { client, stored } = clientOver({ failures: ['unreachable', 'unreachable'] });

    await client.send([record('a')]);

    expect(stored.map(({ value }) => value)).toEqual(['a']);
  });

  test('does not try again what the broker has refused', async () => {
    const { client, stored } = clientOver({ failures: ['refused', 'refused'] });

    const sending = client.send([record('a')]);

    await expect(sending).rejects.toMatchObject({ failure: 'refused', isMaybeStored: false });
    expect(stored).toEqual([]);
  });

  test('never forgets that a record may be stored by an earlier try, whatever the last one was told', async () => {
    const { client } = clientOver({ failures: ['unreachable', 'refused'] });

    const sending = client.send([record('a')]);

    await expect(sending).rejects.toMatchObject({
      failure: 'refused',
      isMaybeStored: true,
      message: expect.stringContaining('is not known to be stored'),
    });
  });

  test('places each record, and refuses one for a partition that is not there', async () => {
    const { client, stored } = clientOver({});
    const placed = { ...record('placed'), partition: 2 };
    const lost = { ...record('lost'), partition: 3 };

    const sending = client.send([placed, lost]);

    await expect(sending).rejects.toMatchObject({ failure: 'refused', records: [lost] });
    expect(stored).toMatchObject([{ value: 'placed', partition: 2 }]);
  });

  test('finds a partition that was added since it has asked', async () => {
    let count = 1;
    const { client, asked, stored } = clientOver({ counts: () => count });
    await client.send([record('before')]);
    count = 3;

    await client.send([{ ...record('after'), partition: 2 }, record('later')]);

    expect(stored.map(({ value }) => value)).toEqual(['before', 'after', 'later']);
    expect(asked).toEqual(['orders', 'orders']);
  });

  test('asks once about a topic that does not exist, however many records name it in a second', async () => {
    const { client, asked } = clientOver({ counts: () => 0 });

    const sends = await Promise.allSettled([
      client.send([record('a'), record('b')]),
      client.send([record('c')]),
    ]);
    const late = client.send([record('d')]);

    await expect(late).rejects.toMatchObject({ failure: 'no-topic', isMaybeStored: false });
    expect(sends).toMatchObject([{ reason: { records: [{}, {}] } }, { reason: { records: [{}] } }]);
    expect(asked).toEqual(['orders']);
  });

  test('sends the records of a topic in order, though the first ones have to wait until it is known', async () => {
    const door = new Door();
    const { client, stored } = clientOver({ answer: door.passage });
    const sends = ['a', 'b', 'c'].map(async (value) => client.send([record(value)]));

    door.open();

    await Promise.all(sends);
    expect(stored.map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  });

  test('has batches that are dealt with while it closes send their answers, and then none', async () => {
    const door = new Door();
    const { client, stored } = clientOver({
      consume: async ({ work, stopped }) => {
        work.hold(new Map([['orders', [0]]]), { commit: async () => undefined });
        work.push({ topic: 'orders', partition: 0 }, [RECEIVED]);
        door.open();
        await stopped;
      },
    });
    await client.subscribe({
      groupId: 'g',
      topics: ['orders'],
      from: 'earliest',
      onBatch: async () => client.send([record('answer')]),
    });
    await door.passage;

    await client.close();

    expect(stored.map(({ value }) => value)).toEqual(['answer']);
    await expect(client.send([record('late')])).rejects.toMatchObject({ code: 'KAFKA_CLOSED' });
  });

  test('is closed once, and then does nothing more', async () => {
    const { client, closed } = clientOver({});

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

describe('a partition in trouble', () => {
  test('is tried apart, and the others go on by requests that they share', async () => {
    const door = new Door();
    const { client, requests } = clientOver({
      store: async (records) => {
        if (records.some(({ topic }) => topic === 'bad')) {
          await (records.length > 1 ? undefined : door.passage);
          throw new Error(records.length > 1 ? 'unreachable' : 'refused');
        }
      },
    });
    const bad = client.send([record('x', 'bad')]).catch((error: unknown) => error);
    await client.send([record('a'), { ...record('b'), partition: 2 }]);

    await Promise.all([client.send([record('c')]), client.send([{ ...record('d'), partition: 2 }])]);

    expect(requests[0]).toEqual(['x', 'a', 'b']);
    expect(requests.at(-1)).toEqual(['c', 'd']);
    door.open();
    expect(await bad).toMatchObject({ failure: 'refused', records: [{ topic: 'bad' }] });
  });

  test('has nothing sent again that the library knows to be stored', async () => {
    const { client, requests } = clientOver({
      failures: ['unreachable', 'unreachable'],
      storedDespite: [{ topic: 'orders', partition: 2 }],
    });

    await client.send([
      { ...record('good'), partition: 2 },
      { ...record('bad'), partition: 1 },
    ]);

    expect(requests).toEqual([['good', 'bad'], ['bad'], ['bad']]);
  });

  test('is in none where the library knows that all is stored, whatever it complains of', async () => {
    const { client, requests } = clientOver({
      failures: ['unreachable'],
      storedDespite: [{ topic: 'orders', partition: 2 }],
    });

    await client.send([{ ...record('good'), partition: 2 }]);

    expect(requests).toEqual([['good']]);
  });

  test('keeps the order of its records, and shares requests again as soon as it works', async () => {
    const { client, requests, stored } = clientOver({ failures: ['unreachable', 'unreachable'] });
    const first = client.send([record('a'), record('b', 'other')]);
    await Promise.resolve();
    await Promise.resolve();
    const second = client.send([record('c')]);

    await Promise.all([first, second]);
    await client.send([record('d'), record('e', 'other')]);

    const ofOrders = stored.filter(({ topic }) => topic === 'orders').map(({ value }) => value);
    expect(ofOrders).toEqual(['a', 'c', 'd']);
    expect(requests.at(-1)).toEqual(['d', 'e']);
  });

  test('takes what is not too large beside what is', async () => {
    const { client, stored } = clientOver({
      store: async (records) => {
        if (records.some(({ value }) => value === 'huge')) {
          throw new Error('too-large');
        }
      },
    });

    const sending = client.send([record('a'), record('huge'), record('b')]);

    await expect(sending).rejects.toMatchObject({ failure: 'too-large', records: [record('huge')] });
    expect(stored.map(({ value }) => value)).toEqual(['a', 'b']);
  });

  test('is given some tries where a broker has not heard yet of a topic that is new', async () => {
    const { client, stored } = clientOver({ failures: ['no-topic', 'no-topic'] });

    await client.send([record('a')]);

    expect(stored.map(({ value }) => value)).toEqual(['a']);
  });
});

test('a call may hand over more records than a function takes arguments', async () => {
  const { client, stored } = clientOver({});

  await client.send(Array.from({ length: 200_000 }, () => record('a')));

  expect(stored).toHaveLength(200_000);
});

interface Options {
  /** How the first tries fail, one after the other. */
  readonly failures?: SendFailure[];
  readonly storedDespite?: readonly Place[];
  readonly store?: KafkaLibrary['store'];
  readonly consume?: KafkaLibrary['consume'];
  readonly counts?: () => number;
  /** What the answer to how many partitions there are waits for. */
  readonly answer?: Promise<void>;
}

function clientOver({ failures = [], storedDespite = [], answer, ...options }: Options) {
  const stored: PlacedRecord[] = [];
  const requests: (string | undefined)[][] = [];
  const asked: string[] = [];
  const closed: string[] = [];
  const library: KafkaLibrary = {
    store: async (records) => {
      requests.push(records.map(({ value }) => value));
      const failure = failures.shift();
      if (failure !== undefined) {
        throw new Error(failure);
      }
      await options.store?.(records);
      records.forEach((one) => stored.push(one));
    },
    storedDespite: () => storedDespite,
    failureOf: (error) => (error as Error).message as SendFailure,
    partitionCounts: async (topics) => {
      asked.push(topics.join());
      await answer;
      return new Map(topics.map((topic) => [topic, options.counts?.() ?? 3]));
    },
    createTopic: async () => undefined,
    consume: options.consume ?? (async () => undefined),
    close: async () => {
      closed.push('closed');
    },
  };
  return { client: new LibraryClient(library, ['a:9092']), asked, closed, requests, stored };
}

const RECEIVED = {
  topic: 'orders',
  partition: 0,
  offset: 0n,
  key: 'k',
  value: 'v',
  headers: {},
  timestamp: 0,
};

function record(value: string, topic = 'orders'): OutgoingRecord {
  return { topic, key: 'k', value, headers: {} };
}
