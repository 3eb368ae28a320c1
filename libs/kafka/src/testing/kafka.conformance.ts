import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { partitionOf } from '../partition.choice.js';
import { describeBatches, describeParallelBatches } from './batch.conformance.js';
import { Bench, numbers, record, type KafkaWorld } from './kafka.bench.js';
import type { KafkaReader } from './kafka.reader.js';

/** Runs the promises of `KafkaClient` against one implementation. */
export function describeKafkaClient(kind: string, open: () => Promise<KafkaWorld>): void {
  describe(`Kafka through ${kind}`, () => {
    const bench = new Bench(open);
    beforeAll(async () => bench.open());
    afterEach(async () => bench.tidy());
    afterAll(async () => bench.close());

    describe('sending', () => {
      describeSending(bench);
    });
    describe('a group', () => {
      describeGroup(bench);
    });
    describe('a batch', () => {
      describeBatches(bench);
    });
    describe('a batch that may be under way beside others of its partition', () => {
      describeParallelBatches(bench);
    });
    describe('topics', () => {
      describeTopics(bench);
    });
  });
}

function describeSending(bench: Bench): void {
  test('records of a key arrive in the order in which they were handed over, also across sends', async () => {
    const [client, topic] = [bench.client, await bench.topic(3)];
    const sends = numbers(60).map(async (number) =>
      client.send(numbers(5).map((part) => record(topic, `key-${number % 4}`, `${number}.${part}`))),
    );

    await Promise.all(sends);

    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ records }) => records.length >= 300);
    for (const key of ['key-0', 'key-1', 'key-2', 'key-3']) {
      const values = reader.records.filter((received) => received.key === key).map(({ value }) => value);
      expect(values).toEqual(
        numbers(60)
          .filter((number) => `key-${number % 4}` === key)
          .flatMap((number) => numbers(5).map((part) => `${number}.${part}`)),
      );
    }
  });

  test('a record goes to the partition that it names, and else to that of its key, whoever sends', async () => {
    const topic = await bench.topic(7);
    const keyed = numbers(20).map((number) => record(topic, `gid-${number}`, 'keyed'));

    await bench.client.send([...keyed, { ...record(topic, 'gid-1', 'placed'), partition: 6 }]);

    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ records }) => records.length >= 21);
    const placed = reader.records.find(({ value }) => value === 'placed');
    expect(placed?.partition).toBe(6);
    expect(
      reader.records
        .filter(({ value }) => value === 'keyed')
        .every((received) => received.partition === partitionOf(record(topic, received.key ?? '', ''), 7)),
    ).toBe(true);
  });

  test('texts, headers and the time arrive as they were sent', async () => {
    const topic = await bench.topic(1);
    const sent = {
      topic,
      key: 'clé-鍵',
      value: 'Grüße 你好 🎻\u0000\n',
      headers: { ce_type: 'action', 'x-naïve': '価値 €', empty: '' },
    };

    await bench.client.send([sent]);

    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ records }) => records.length > 0);
    const [received] = reader.records;
    expect(received).toMatchObject({ ...sent, partition: 0, offset: 0n });
    expect(Math.abs((received?.timestamp ?? 0) - Date.now())).toBeLessThan(600_000);
  });

  test('a tombstone arrives as one, and is no empty text', async () => {
    const topic = await bench.topic(1);

    await bench.client.send([{ ...record(topic, 'gone', ''), value: undefined }, record(topic, 'empty', '')]);

    expect(await bench.valuesOf(topic, 2)).toEqual([undefined, '']);
  });

  test('a record that is too large is refused, and harms no other of its send', async () => {
    const topic = await bench.topic(1);
    const huge = record(topic, 'huge', 'x'.repeat(3_000_000));

    const sending = bench.client.send([record(topic, 'a', 'one'), huge, record(topic, 'b', 'two')]);

    await expect(sending).rejects.toMatchObject({
      code: 'KAFKA_SEND',
      failure: 'too-large',
      isMaybeStored: false,
      records: [huge],
      message: expect.stringContaining('larger than the topic takes'),
    });
    expect(await bench.valuesOf(topic, 2)).toEqual(['one', 'two']);
  });

  test('many records at once are stored, whatever a request may hold', async () => {
    const topic = await bench.topic(1);
    const many = numbers(3_000).map((number) => record(topic, 'k', `${number}:${'x'.repeat(1_000)}`));

    await bench.client.send(many);

    expect(await bench.valuesOf(topic, 3_000)).toEqual(many.map(({ value }) => value));
  });

  test('a record for a topic that does not exist is refused, and harms no other of its send', async () => {
    const topic = await bench.topic(1);
    const lost = record(bench.newName('nowhere'), 'a', 'lost');

    const sending = bench.client.send([lost, record(topic, 'a', 'one')]);

    await expect(sending).rejects.toMatchObject({
      failure: 'no-topic',
      isMaybeStored: false,
      records: [lost],
    });
    expect(await bench.valuesOf(topic, 1)).toEqual(['one']);
  });

  test('a client that was closed sends nothing more', async () => {
    const topic = await bench.topic(1);
    const client = bench.connect();
    const sending = client.send([record(topic, 'a', 'one')]);
    await client.close();

    const late = client.send([record(topic, 'a', 'two')]);

    await expect(late).rejects.toMatchObject({ code: 'KAFKA_CLOSED' });
    await sending;
    expect(await bench.valuesOf(topic, 1)).toEqual(['one']);
  });
}

function describeGroup(bench: Bench): void {
  test('begins where it has committed, and gets nothing twice', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    await bench.client.send([record(topic, 'a', 'one'), record(topic, 'a', 'two')]);
    const first = await bench.join({ topics: [topic], groupId });
    await first.until(({ values }) => values.length === 2);
    await first.close();
    await bench.client.send([record(topic, 'a', 'three')]);

    const second = await bench.join({ topics: [topic], groupId });

    await second.until(({ values }) => values.length > 0);
    expect(second.values).toEqual(['three']);
  });

  test('that is new may begin with what comes from now on', async () => {
    const topic = await bench.topic(1);
    await bench.client.send([record(topic, 'a', 'old')]);
    const reader = await bench.join({ topics: [topic], from: 'latest' });
    await reader.until(({ heldCount }) => heldCount === 1);

    const news = bench.keepSending(topic);

    await reader.until(({ values }) => values.length > 0);
    await news.stop();
    expect(reader.values).not.toContain('old');
  });

  test('shares its partitions, tells each member its own, and has another take over what a member leaves', async () => {
    const [topic, groupId] = [await bench.topic(4), bench.newName('group')];
    const [one, other] = [bench.connect(), bench.connect()];
    const first = await bench.join({ topics: [topic], groupId }, one);
    await first.until(({ heldCount }) => heldCount === 4);

    const second = await bench.join({ topics: [topic], groupId }, other);

    await Promise.all([first.until(holdsHalf), second.until(holdsHalf)]);
    const shared = [...(first.assignment.get(topic) ?? []), ...(second.assignment.get(topic) ?? [])];
    expect(shared).toHaveLength(4);
    expect(new Set(shared)).toEqual(new Set([0, 1, 2, 3]));

    await first.close();

    expect(first.heldCount).toBe(0);
    await second.until(({ heldCount }) => heldCount === 4);
    await bench.client.send(numbers(4).map((partition) => ({ ...record(topic, 'a', 'late'), partition })));
    await second.until(({ records }) => new Set(records.map(({ partition }) => partition)).size === 4);
    expect(second.assignment.get(topic)?.toSorted()).toEqual([0, 1, 2, 3]);
  });

  test('has members for whom no partition is left, and they know it', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];

    const first = await bench.join({ topics: [topic], groupId });
    const second = await bench.join({ topics: [topic], groupId }, bench.connect());

    const isShared = (): boolean =>
      first.isMember && second.isMember && first.heldCount + second.heldCount === 1;
    await Promise.race([first.until(isShared), second.until(isShared)]);
    expect([first.isMember, second.isMember]).toEqual([true, true]);
  });

  test('loses nothing while members come and go', async () => {
    const [topic, groupId] = [await bench.topic(4), bench.newName('group')];
    const first = await bench.join({ topics: [topic], groupId }, bench.connect());
    await first.until(({ heldCount }) => heldCount === 4);
    const stream = bench.keepSending(topic);

    const second = await bench.join({ topics: [topic], groupId }, bench.connect());
    await second.until(({ values }) => values.length > 20);
    await first.close();
    await second.until(({ heldCount }) => heldCount === 4);

    const sent = await stream.stop();
    await second.until(({ values }) => covers([...first.values, ...values], sent));
    expect(sent.length).toBeGreaterThan(20);
  });

  test('has another member deal with what a member that was killed had not committed', async () => {
    const [topic, groupId] = [await bench.topic(1), bench.newName('group')];
    await bench.client.send([record(topic, 'a', 'one'), record(topic, 'a', 'two')]);
    const doomed = await bench.startDoomedReader({ groupId, topic });
    await doomed.kill();

    const heir = await bench.join({ topics: [topic], groupId });

    await heir.until(({ values }) => values.length >= 2);
    expect(heir.values).toEqual(['one', 'two']);
  });

  test('reads a topic that does not exist yet as soon as it does', async () => {
    const topic = bench.newName('later');
    const reader = await bench.join({ topics: [topic] });

    await bench.client.createTopics([{ name: topic, partitionCount: 1, replicationFactor: 1 }]);

    await bench.client.send([record(topic, 'a', 'one')]);
    await reader.until(({ values }) => values.length > 0);
    expect(reader.values).toEqual(['one']);
  });
}

function describeTopics(bench: Bench): void {
  test('are created once, and told with the number of their partitions', async () => {
    const [name, missing] = [bench.newName('topic'), bench.newName('missing')];
    const settings = { 'retention.ms': '86400000' };
    await bench.client.createTopics([{ name, partitionCount: 3, replicationFactor: -1, settings }]);

    await bench.client.createTopics([{ name, partitionCount: 9, replicationFactor: 1 }]);

    expect(await bench.client.partitionCounts([name, missing])).toEqual(new Map([[name, 3]]));
  });

  test('that cannot be created are told with what an administrator has to run, and the others are created', async () => {
    const [name, fine] = [bench.newName('topic'), bench.newName('fine')];
    const settings = { 'cleanup.policy': 'delete' };

    const creating = bench.client.createTopics([
      { name, partitionCount: 3, replicationFactor: 100, settings },
      { name: fine, partitionCount: 2, replicationFactor: 1 },
    ]);

    await expect(creating).rejects.toMatchObject({
      code: 'KAFKA_TOPIC',
      topics: [name],
      commands: [
        expect.stringMatching(
          new RegExp(
            `^kafka-topics\\.sh --bootstrap-server \\S+ --create --if-not-exists --topic ${name} ` +
              '--partitions 3 --replication-factor 100 --config cleanup\\.policy=delete$',
            'u',
          ),
        ),
      ],
    });
    expect(await bench.client.partitionCounts([name, fine])).toEqual(new Map([[fine, 2]]));
  });
}

function holdsHalf(reader: KafkaReader): boolean {
  return reader.heldCount === 2;
}

function covers(values: readonly (string | undefined)[], sent: readonly string[]): boolean {
  const known = new Set(values);
  return sent.every((value) => known.has(value));
}
