import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { commandTo } from '@atone/engine/conformance';
import { commandRecord, deadTopic, repliesTopic } from '@atone/protocol';
import { KafkaWorld } from './testing/kafka.world.js';

const REPLIES = repliesTopic('atone');
const GROUP = 'atone.coordinators';

let world: KafkaWorld;

beforeEach(async () => {
  world = await new KafkaWorld().open();
});

afterEach(() => world.end());

/** Waits until the group is behind the one record of the first partition. */
async function passedOn(): Promise<void> {
  while (world.kafka.committed(GROUP, REPLIES, 0) !== 1n) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a record of the replies that cannot be read', () => {
  test('is kept though no broker takes it at the first try', async () => {
    const troubles: unknown[] = [];
    const transport = world.transport({ onTrouble: (error) => troubles.push(error) });
    await transport.start();
    let tryCount = 0;
    world.kafka.faults = {
      request: ([record]) =>
        record?.topic === deadTopic('atone') && (tryCount += 1) === 1 ? 'unreachable' : 'answered',
    };

    await world.store({ topic: REPLIES, partition: 0, key: 'k', value: 'poison', headers: {} });

    await passedOn();
    expect(world.kafka.records(deadTopic('atone'))).toMatchObject([{ value: 'poison' }]);
    expect(troubles).toEqual([]);
  });

  test('holds nothing up where it cannot be kept', async () => {
    const troubles: unknown[] = [];
    const transport = world.transport({ onTrouble: (error) => troubles.push(error) });
    await transport.start();
    world.kafka.faults = { request: () => 'unreachable' };
    const command = commandTo('stock');
    const place = { topic: REPLIES, replyTo: { topic: REPLIES, partition: 0 } };
    const { value, headers } = commandRecord(command, place, { source: '/', nowMs: 0 });
    world.kafka.partition(REPLIES, 0).append({ topic: REPLIES, key: command.gid, value, headers }, 0);

    await passedOn();
    expect(troubles).toMatchObject([{ code: 'KAFKA_SEND' }]);
  });
});
