import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { Bench, record, type KafkaReader } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import { LIBRARIES, worldOf } from './kafka.worlds.js';

const BY_LIBRARY = LIBRARIES.map(({ name }) => name).join(' and ');

/** A broker that dies, in the eyes of clients that go on: of both libraries at once, for most of it is waiting. */
describe(`through ${BY_LIBRARY}, a broker`, () => {
  let kafka: EmbeddedKafka;
  const benches = LIBRARIES.map((library) => new Bench(async () => worldOf(library, kafka.brokers)));

  beforeAll(async () => {
    kafka = await startThrowawayKafka();
    await each(async (bench) => bench.open());
  });

  afterEach(async () => each(async (bench) => bench.tidy()));

  afterAll(async () => {
    await each(async (bench) => bench.close());
    // kafkajs goes on leaving a group when nobody waits for that any more, with code that it loads only then.
    await until('the clients have let go of the broker', () => openSocketCount() === 0, 60_000);
    await kafka.stop();
  });

  async function each<Answer>(deed: (bench: Bench) => Promise<Answer>): Promise<readonly Answer[]> {
    return Promise.all(benches.map(async (bench) => deed(bench)));
  }

  test('that is killed and started again under load has lost nothing that it acknowledged', async () => {
    const loads = await each(async (bench) => {
      const topic = await bench.topic(4);
      const reader = await bench.join({ topics: [topic] });
      await reader.until(({ heldCount }) => heldCount === 4);
      const stream = bench.keepSending(topic);
      await reader.until(({ values }) => values.length > 50);
      return { reader, stream };
    });

    await kafka.kill();
    await Promise.all(loads.map(async ({ stream }) => stream.until(({ failures }) => failures.length > 0)));
    await kafka.restart();

    const counts = await Promise.all(
      loads.map(async ({ reader, stream }) => {
        const before = stream.sent.length;
        await stream.until(({ sent }) => sent.length > before + 50);
        const sent = await stream.stop();
        await reader.until((now) => covers(now, sent));
        return sent.length;
      }),
    );
    expect(Math.min(...counts)).toBeGreaterThan(100);
  });

  test('that does not answer is given up after a while, with the word that the record may be stored', async () => {
    const streams = await each(async (bench) => {
      const stream = bench.keepSending(await bench.topic(1));
      await stream.until(({ sent }) => sent.length > 0);
      return stream;
    });

    await kafka.kill('SIGSTOP');

    await Promise.all(streams.map(async (stream) => stream.until(({ failures }) => failures.length > 0)));
    await kafka.kill('SIGCONT');
    await Promise.all(
      streams.map(async (stream) => {
        const before = stream.sent.length;
        await stream.until(({ sent }) => sent.length > before);
        await stream.stop();
      }),
    );
    const failure = { code: 'KAFKA_SEND', failure: 'unreachable', isMaybeStored: true };
    expect(streams.map(({ failures }) => failures[0])).toMatchObject(LIBRARIES.map(() => failure));
  });

  test('that is away when a member joins gives it its partitions when it is back', async () => {
    const topics = await each(async (bench) => {
      const topic = await bench.topic(1);
      await bench.client.send([record(topic, 'a', 'one')]);
      return topic;
    });
    await kafka.kill();
    const readers = await Promise.all(
      benches.map(async (bench, at) => {
        const reader = await bench.join({ topics: topics.slice(at, at + 1) });
        await reader.until(({ troubles }) => troubles.length > 0);
        return reader;
      }),
    );

    await kafka.restart();

    await Promise.all(readers.map(async (reader) => reader.until(({ values }) => values.length > 0)));
    expect(readers.map(({ values }) => values)).toEqual(LIBRARIES.map(() => ['one']));
  });

  test('that was away for a moment still has its members make room for others', async () => {
    const groups = await each(async (bench) => {
      const [topic, groupId] = [await bench.topic(2), bench.newName('group')];
      const first = await bench.join({ topics: [topic], groupId });
      await bench.client.send([record(topic, 'a', 'one')]);
      await first.until(({ values }) => values.length > 0);
      return { bench, topic, groupId, first };
    });
    await kafka.kill();
    await Promise.all(groups.map(async ({ first }) => first.until(({ troubles }) => troubles.length > 0)));
    await kafka.restart();

    const held = await Promise.all(
      groups.map(async ({ bench, topic, groupId, first }) => {
        const second = await bench.join({ topics: [topic], groupId });
        const members = [first, second];
        await Promise.all(members.map(async (member) => member.until(({ heldCount }) => heldCount === 1)));
        return new Set(members.flatMap(({ assignment }) => assignment.get(topic) ?? []));
      }),
    );

    expect(held).toEqual(LIBRARIES.map(() => new Set([0, 1])));
  });

  test('that is away lets a member leave', async () => {
    const readers = await each(async (bench) => {
      const topic = await bench.topic(1);
      const reader = await bench.join({ topics: [topic] });
      await bench.client.send([record(topic, 'a', 'one')]);
      await reader.until(({ values }) => values.length > 0);
      return reader;
    });
    await kafka.kill();

    await Promise.all(readers.map(async (reader) => reader.close()));

    expect(readers.map(({ heldCount }) => heldCount)).toEqual(LIBRARIES.map(() => 0));
    await kafka.restart();
  });

  test('that is away is told of when somebody asks for topics', async () => {
    await kafka.kill();

    const answers = await each(async ({ client }) =>
      client.partitionCounts(['orders']).catch((error: unknown) => error),
    );

    const failure = { code: 'KAFKA_UNREACHABLE', retryable: true };
    expect(answers).toMatchObject(LIBRARIES.map(() => failure));
    await kafka.restart();
  });
});

function covers({ values }: KafkaReader, sent: readonly string[]): boolean {
  const known = new Set(values);
  return sent.every((value) => known.has(value));
}

function openSocketCount(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
