import { describe, expect, test } from '@jest/globals';
import type { SubscriptionOptions } from '../kafka.port.js';
import type { Consumption, KafkaLibrary } from '../library.port.js';
import { Door } from '../testing/kafka.reader.js';
import { GroupMember } from './group.member.js';

describe('a member of a group', () => {
  test('keeps nothing of a consumer that has failed: the next one is told by another promise when to stop', async () => {
    const seen: Consumption[] = [];
    const begun = new Door();
    const member = memberWith(async (consumption) => {
      seen.push(consumption);
      if (seen.length === 1) {
        throw new Error('crashed');
      }
      begun.open();
      await consumption.stopped;
    });
    await begun.passage;

    await member.close();

    const [first, second] = seen;
    expect(second?.stopped).not.toBe(first?.stopped);
    expect(second?.membership).toBe(first?.membership);
  });

  test('begins no consumer when it was closed while it asked for its topics', async () => {
    const answer = new Door();
    const seen: Consumption[] = [];
    const member = memberWith(
      async (consumption) => void seen.push(consumption),
      async () => {
        await answer.passage;
        return new Map([['orders', 1]]);
      },
    );
    const closing = member.close();

    answer.open();

    await closing;
    expect(seen).toEqual([]);
  });

  test('leaves though no broker answers whether its topics are there', async () => {
    const asked = new Door();
    const seen: Consumption[] = [];
    const member = memberWith(
      async (consumption) => void seen.push(consumption),
      async () => {
        asked.open();
        return new Promise(() => undefined);
      },
    );
    await asked.passage;

    await member.close();

    expect(seen).toEqual([]);
  });

  test('says so when it waits for a topic that does not exist, or that its user may not see', async () => {
    const [asked, told] = [new Door(), [] as unknown[]];
    const member = memberWith(
      async () => undefined,
      async () => {
        asked.open();
        return new Map();
      },
      { onTrouble: (error) => told.push(error) },
    );
    await asked.passage;

    await member.close();

    expect(told[0]).toMatchObject({
      message: 'Kafka has no topic orders to read from, or none that this user may see.',
    });
  });
});

function memberWith(
  consume: KafkaLibrary['consume'],
  partitionCounts: KafkaLibrary['partitionCounts'] = async () => new Map([['orders', 1]]),
  options: Partial<SubscriptionOptions> = {},
): GroupMember {
  const library = { consume, partitionCounts } as KafkaLibrary;
  return new GroupMember(library, {
    groupId: 'g',
    topics: ['orders'],
    from: 'earliest',
    onBatch: async () => undefined,
    ...options,
  });
}
