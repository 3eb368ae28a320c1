import { describe, expect, test } from '@jest/globals';
import type { OutgoingRecord } from '../kafka.port.js';
import { Door, KafkaReader } from './kafka.reader.js';
import { MemoryKafka, type MemoryFaults } from './memory.kafka.js';

const TOPIC = 'orders';

describe('a Kafka in memory', () => {
  test('loses records, and stores them twice, as it is told', async () => {
    const { kafka, client } = await world({
      record: ({ value }) => (value === 'gone' ? 'lost' : value === 'echo' ? 'twice' : 'stored'),
    });

    await client.send(['gone', 'one', 'echo'].map(record));

    expect(kafka.records(TOPIC).map(({ value }) => value)).toEqual(['one', 'echo', 'echo']);
  });

  test.each([
    ['unanswered', ['one']],
    ['unreachable', []],
  ] as const)('says of a request that is %s that it may be stored', async (fate, stored) => {
    const { kafka, client } = await world({ request: () => fate });

    const sending = client.send([record('one')]);

    await expect(sending).rejects.toMatchObject({ failure: 'unreachable', isMaybeStored: true });
    expect(kafka.records(TOPIC).map(({ value }) => value)).toEqual(stored);
  });

  test('gives out again what was read when its commit got lost', async () => {
    const { kafka, client } = await world({ isCommitLost: () => true });
    await client.send([record('one')]);
    const first = await KafkaReader.join(client, { groupId: 'g', topics: [TOPIC] });
    await first.until(({ values }) => values.length === 1);
    await first.close();

    const second = await KafkaReader.join(kafka.client(), { groupId: 'g', topics: [TOPIC] });

    await second.until(({ values }) => values.length === 1);
    expect(kafka.committed('g', TOPIC, 0)).toBeUndefined();
  });

  test('gives out elsewhere what a member is still at when its partition moves, and takes no commit of it', async () => {
    const { kafka, client } = await world();
    const [door, heirDoor] = [new Door(), new Door()];
    await client.send([record('one')]);
    const [zombie, heir] = [
      await KafkaReader.join(client, { groupId: 'g', topics: [TOPIC], onBatch: async () => door.passage }),
      await KafkaReader.join(kafka.client(), {
        groupId: 'g',
        topics: [TOPIC],
        onBatch: async () => heirDoor.passage,
      }),
    ];
    await zombie.until(({ values }) => values.length === 1);

    kafka.rebalance('g');

    await heir.until(({ values }) => values.length === 1);
    door.open();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(kafka.committed('g', TOPIC, 0)).toBeUndefined();
    heirDoor.open();
    await heir.close();
    expect(kafka.committed('g', TOPIC, 0)).toBe(1n);
  });

  test('has a member that notices a rebalance late go on with what it had, and commit in vain', async () => {
    const notices: (() => void)[] = [];
    const kafka = new MemoryKafka({
      clock: { now: () => 0, setTimer: (_ms, run) => ({ cancel: () => undefined, nth: notices.push(run) }) },
    });
    const heirDoor = new Door();
    const slowness = { isLate: false };
    const late = kafka.client({ delayMs: (step) => (step === 'notice' && slowness.isLate ? 1_000 : 0) });
    await late.createTopics([{ name: TOPIC, partitionCount: 1, replicationFactor: 1 }]);
    const zombie = await KafkaReader.join(late, { groupId: 'g', topics: [TOPIC] });
    slowness.isLate = true;
    const onBatch = async (): Promise<void> => heirDoor.passage;
    const heir = await KafkaReader.join(kafka.client(), { groupId: 'g', topics: [TOPIC], onBatch });
    kafka.rebalance('g');

    await kafka.client().send([record('one')]);

    await Promise.all([zombie, heir].map(async (one) => one.until(({ values }) => values.length === 1)));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(kafka.committed('g', TOPIC, 0)).toBeUndefined();
    notices.forEach((notice) => notice());
    expect(zombie.heldCount).toBe(0);
  });

  test('puts out a member that is not heard of, and takes it back', async () => {
    const { client } = await world();
    const reader = await KafkaReader.join(client, { groupId: 'g', topics: [TOPIC] });

    client.lapse();

    const heldCount = reader.heldCount;
    client.rejoin();
    expect([heldCount, reader.heldCount]).toEqual([0, 1]);
  });

  test('has other things go wrong for one client than for the others', async () => {
    const { kafka } = await world();
    const unlucky = kafka.client({ request: () => 'unreachable' });

    await expect(unlucky.send([record('one')])).rejects.toMatchObject({ failure: 'unreachable' });

    await kafka.client().send([record('two')]);
    expect(kafka.records(TOPIC).map(({ value }) => value)).toEqual(['two']);
  });

  test('reads all of a topic again when its offsets are reset, and nothing of what was truncated', async () => {
    const { kafka, client } = await world();
    const reader = await KafkaReader.join(client, { groupId: 'g', topics: [TOPIC] });
    await client.send([record('one')]);
    await reader.until(({ values }) => values.length === 1);
    kafka.resetOffsets('g', TOPIC);
    await reader.until(({ values }) => values.length === 2);

    kafka.truncate(TOPIC);
    await client.send([record('two')]);

    await reader.until(({ values }) => values.includes('two'));
    expect(reader.records.map(({ value, offset }) => [value, offset])).toEqual([
      ['one', 0n],
      ['one', 0n],
      ['two', 1n],
    ]);
  });

  test('does nothing at the request of a client that was killed, and answers none', async () => {
    const { kafka, client } = await world();
    const heard: string[] = [];
    const sending = client.send([record('one')]).finally(() => heard.push('answer'));

    client.kill();

    await kafka.client().send([record('two')]);
    expect(heard).toEqual([]);
    expect(sending).toBeInstanceOf(Promise);
  });
});

async function world(faults: MemoryFaults = {}) {
  const kafka = new MemoryKafka({ faults });
  const client = kafka.client();
  await client.createTopics([{ name: TOPIC, partitionCount: 1, replicationFactor: 1 }]);
  return { kafka, client };
}

function record(value: string): OutgoingRecord {
  return { topic: TOPIC, key: 'a', value, headers: {} };
}
