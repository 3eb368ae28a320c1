import { Bench, record } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { testBrokers, TestKafka } from './kafka.client.js';
import { LIBRARIES, worldOf } from './kafka.worlds.js';

describe.each(LIBRARIES)('through $name, a topic', (library) => {
  const kafka = new TestKafka(testBrokers());
  const bench = new Bench(async () => worldOf(library, testBrokers()));

  beforeAll(async () => bench.open());
  afterEach(async () => bench.tidy());
  afterAll(async () => bench.close());

  test('whose records were deleted before they were read is read on behind them', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    await bench.client.send([record(topic, 'a', 'one')]);
    const first = await bench.join({ topics: [topic], groupId });
    await first.until(({ values }) => values.length === 1);
    await first.close();
    await bench.client.send([record(topic, 'a', 'lost'), record(topic, 'a', 'kept')]);
    await kafka.deleteRecords(topic, 2);

    const second = await bench.join({ topics: [topic], groupId });

    await second.until(({ values }) => values.length > 0);
    expect(second.values).toEqual(['kept']);
  });

  test('that takes nothing holds up no other, and has nothing of others stored again and again', async () => {
    const [bad, good, client] = [bench.newName('bad'), await bench.topic(1), bench.connect()];
    const settings = { 'max.message.bytes': '100' };
    await client.createTopics([{ name: bad, partitionCount: 1, replicationFactor: 1, settings }]);
    const values = Array.from({ length: 50 }, (_, number) => `${number}`);
    const large = 'x'.repeat(1_000);

    const failing = client.send([record(bad, 'a', large)]);
    const first = client.send([record(good, 'a', 'first')]);
    await expect(failing).rejects.toMatchObject({ failure: 'too-large', records: [{ topic: bad }] });
    const failingAgain = client.send([record(bad, 'a', large)]);
    await Promise.all([first, ...values.map(async (value) => client.send([record(good, 'a', value)]))]);
    await client.send([record(good, 'a', 'last')]);

    await expect(failingAgain).rejects.toMatchObject({ records: [{ topic: bad }] });
    const reader = await bench.join({ topics: [good] });
    await reader.until((now) => now.values.includes('last'));
    expect(reader.values.filter((value) => value !== 'first')).toEqual([...values, 'last']);
  });
});

describe('a topic', () => {
  const kafka = new TestKafka(testBrokers());
  const benches = LIBRARIES.map((library) => new Bench(async () => worldOf(library, testBrokers())));

  beforeAll(async () => Promise.all(benches.map(async (bench) => bench.open())));
  afterAll(async () => {
    await Promise.all(benches.map(async (bench) => bench.tidy()));
    await Promise.all(benches.map(async (bench) => bench.close()));
  });

  // Through each library at once: both look no more often than every ten seconds.
  test('that gets more partitions is read from all of them', async () => {
    const assignments = await Promise.all(
      benches.map(async (bench) => {
        const topic = await bench.topic(1);
        const reader = await bench.join({ topics: [topic] });
        await reader.until(({ heldCount }) => heldCount === 1);
        await kafka.addPartitions(topic, 3);
        await reader.until(({ heldCount }) => heldCount === 3);
        return reader.assignment.get(topic);
      }),
    );

    expect(assignments).toEqual(LIBRARIES.map(() => [0, 1, 2]));
  });
});
