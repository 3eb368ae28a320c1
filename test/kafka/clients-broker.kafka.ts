import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { Bench, record, type KafkaReader } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { LIBRARIES, worldOf } from './kafka.worlds.js';

/** A broker that dies, in the eyes of clients that go on. */
describe.each(LIBRARIES)('through $name, a broker', (library) => {
  let kafka: EmbeddedKafka;
  const bench = new Bench(async () => worldOf(library, kafka.brokers));

  beforeAll(async () => {
    kafka = await startThrowawayKafka();
    await bench.open();
  });

  afterEach(async () => bench.tidy());

  afterAll(async () => {
    await bench.close();
    await kafka.stop();
  });

  test('that is killed and started again under load has lost nothing that it acknowledged', async () => {
    const topic = await bench.topic(4);
    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ heldCount }) => heldCount === 4);
    const stream = bench.keepSending(topic);
    await reader.until(({ values }) => values.length > 50);

    await kafka.kill();
    await stream.until(({ failures }) => failures.length > 0);
    await kafka.restart();

    const before = stream.sent.length;
    await stream.until(({ sent }) => sent.length > before + 50);
    const sent = await stream.stop();
    await reader.until((now) => covers(now, sent));
    expect(sent.length).toBeGreaterThan(100);
  });

  test('that does not answer is given up after a while, with the word that the record may be stored', async () => {
    const topic = await bench.topic(1);
    const stream = bench.keepSending(topic);
    await stream.until(({ sent }) => sent.length > 0);

    await kafka.kill('SIGSTOP');

    await stream.until(({ failures }) => failures.length > 0);
    await kafka.kill('SIGCONT');
    const before = stream.sent.length;
    await stream.until(({ sent }) => sent.length > before);
    await stream.stop();
    expect(stream.failures[0]).toMatchObject({
      code: 'KAFKA_SEND',
      failure: 'unreachable',
      isMaybeStored: true,
    });
  });

  test('that is away when a member joins gives it its partitions when it is back', async () => {
    const topic = await bench.topic(1);
    await bench.client.send([record(topic, 'a', 'one')]);
    await kafka.kill();
    const reader = await bench.join({ topics: [topic] });
    await reader.until(({ troubles }) => troubles.length > 0);

    await kafka.restart();

    await reader.until(({ values }) => values.length > 0);
    expect(reader.values).toEqual(['one']);
  });

  test('that is away lets a member leave', async () => {
    const topic = await bench.topic(1);
    const reader = await bench.join({ topics: [topic] });
    await bench.client.send([record(topic, 'a', 'one')]);
    await reader.until(({ values }) => values.length > 0);
    await kafka.kill();

    await reader.close();

    expect(reader.heldCount).toBe(0);
    await kafka.restart();
  });

  test('that is away is told of when somebody asks for topics', async () => {
    await kafka.kill();

    const asking = bench.client.partitionCounts(['orders']);

    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', retryable: true });
    await kafka.restart();
  });
});

function covers({ values }: KafkaReader, sent: readonly string[]): boolean {
  const known = new Set(values);
  return sent.every((value) => known.has(value));
}
