import { expect, test } from '@jest/globals';
import { numbers, record, type Bench } from './kafka.bench.js';
import { Door } from './kafka.reader.js';

export function describeBatches(bench: Bench): void {
  test('has no more records than was asked for, and the topic they come from', async () => {
    const topic = await bench.topic(1);
    await bench.client.send(numbers(100).map((number) => record(topic, 'a', `${number}`)));

    const reader = await bench.join({ topics: [topic], recordCountMax: 7 });

    await reader.until(({ values }) => values.length >= 100);
    expect(Math.max(...reader.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(7);
    expect(reader.batches.every((batch) => batch.topic === topic && batch.partition === 0)).toBe(true);
    expect(reader.values).toEqual(numbers(100).map(String));
  });

  test('waits for the one before it of its partition, and not for those of others', async () => {
    const topic = await bench.topic(2);
    const door = new Door();
    await bench.client.send(
      numbers(10).map((number) => ({ ...record(topic, 'a', `${number}`), partition: number % 2 })),
    );
    let underWay = 0;
    const reader = await bench.join({
      topics: [topic],
      recordCountMax: 1,
      onBatch: async ({ partition }) => {
        underWay += 1;
        await (partition === 0 ? door.passage : undefined);
        underWay -= 1;
      },
    });

    await reader.until(({ records }) => records.filter(({ partition }) => partition === 1).length === 5);

    expect(reader.values.filter((value) => Number(value) % 2 === 0)).toEqual(['0']);
    expect(underWay).toBeGreaterThanOrEqual(1);
    door.open();
    await reader.until(({ values }) => values.length === 10);
  });

  test('that is rejected comes again, with the same records, while other partitions go on', async () => {
    const topic = await bench.topic(2);
    await bench.client.send([
      { ...record(topic, 'a', 'bad'), partition: 0 },
      { ...record(topic, 'a', 'good'), partition: 1 },
    ]);
    let rejectionCount = 0;
    const reader = await bench.join({
      topics: [topic],
      onBatch: async ({ partition }) => {
        if (partition === 0 && rejectionCount < 3) {
          rejectionCount += 1;
          throw new Error('not now');
        }
      },
    });

    await reader.until(({ values }) => values.filter((value) => value === 'bad').length === 4);

    await reader.until(({ values }) => values.includes('good'));
    expect(reader.troubles.filter((trouble) => String(trouble) === 'Error: not now')).toHaveLength(3);
  });

  test('that is rejected until its member leaves comes again at the next member', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    await bench.client.send([record(topic, 'a', 'one')]);
    const first = await bench.join({ topics: [topic], groupId, onBatch: reject });
    await first.until(({ values }) => values.length > 1);
    await first.close();

    const second = await bench.join({ topics: [topic], groupId });

    await second.until(({ values }) => values.length > 0);
    expect(second.values).toEqual(['one']);
  });

  test('that is under way is waited for and committed by a member that leaves', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    await bench.client.send([record(topic, 'a', 'one')]);
    const door = new Door();
    const first = await bench.join({ topics: [topic], groupId, onBatch: async () => door.passage });
    await first.until(({ values }) => values.length === 1);

    let hasLeft = false;
    const leaving = first.close().then(() => (hasLeft = true));
    await bench.client.send([record(topic, 'a', 'two')]);
    expect(hasLeft).toBe(false);
    door.open();
    await leaving;

    const second = await bench.join({ topics: [topic], groupId });
    await second.until(({ values }) => values.includes('two'));
    expect(first.values).toEqual(['one']);
    expect(second.values).toEqual(['two']);
  });
}

/** As many as the coordinator and services have under way. */
const PARALLEL_BATCH_MAX = 8;

export function describeParallelBatches(bench: Bench): void {
  test('begins before those in front of it are done, in order, and only while there is room', async () => {
    const topic = await bench.topic(2);
    const doors = new Map(['one', 'two', 'three'].map((value) => [value, new Door()]));
    const reader = await bench.join({
      topics: [topic],
      recordCountMax: 2,
      parallelBatchMax: PARALLEL_BATCH_MAX,
      onBatch: async ({ records }) => doors.get(records[0]?.value ?? '')?.passage,
    });
    await begin('one');
    await begin('two');
    await bench.client.send([{ ...record(topic, 'a', 'three'), partition: 0 }]);
    await bench.client.send([{ ...record(topic, 'a', 'elsewhere'), partition: 1 }]);
    await reader.until(({ values }) => values.includes('elsewhere'));
    expect(reader.values.filter((value) => value !== 'elsewhere')).toEqual(['one', 'two']);

    doors.get('two')?.open();

    await reader.until(({ values }) => values.includes('three'));
    doors.forEach((door) => door.open());

    async function begin(value: string): Promise<void> {
      await bench.client.send([{ ...record(topic, 'a', value), partition: 0 }]);
      await reader.until(({ values }) => values.includes(value));
    }
  });

  test('is done, and comes again all the same at the next member, while one in front of it is not', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    const first = await bench.join({
      topics: [topic],
      groupId,
      parallelBatchMax: PARALLEL_BATCH_MAX,
      onBatch: async ({ records }) => (records[0]?.value === 'bad' ? reject() : undefined),
    });
    for (const value of ['good', 'bad', 'behind', 'last']) {
      // oxlint-disable-next-line no-await-in-loop -- each a batch of its own
      await bench.client.send([record(topic, 'a', value)]);
      // oxlint-disable-next-line no-await-in-loop -- each a batch of its own
      await first.until(({ values }) => values.includes(value));
    }
    await first.close();

    const second = await bench.join({ topics: [topic], groupId });
    await bench.client.send([record(topic, 'a', 'new')]);

    await second.until(({ values }) => values.includes('new'));
    expect(second.values).toEqual(['bad', 'behind', 'last', 'new']);
  });

  test('that is rejected comes again while those behind it go on, and all is committed when it is done', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    const isThrough = new Set<string | undefined>();
    const first = await bench.join({
      topics: [topic],
      groupId,
      parallelBatchMax: PARALLEL_BATCH_MAX,
      onBatch: async ({ records }) => {
        if (records[0]?.value === 'bad' && !isThrough.has('behind')) {
          throw new Error('not now');
        }
        records.forEach(({ value }) => isThrough.add(value));
      },
    });
    await bench.client.send([record(topic, 'a', 'bad')]);
    await first.until(({ values }) => values.filter((value) => value === 'bad').length > 1);

    await bench.client.send([record(topic, 'a', 'behind')]);

    await first.until(() => isThrough.has('bad'));
    await first.close();
    const second = await bench.join({ topics: [topic], groupId });
    await bench.client.send([record(topic, 'a', 'new')]);
    await second.until(({ values }) => values.includes('new'));
    expect(second.values).toEqual(['new']);
  });
}

async function reject(): Promise<never> {
  throw new Error('not here');
}
