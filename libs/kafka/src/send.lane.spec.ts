import { describe, expect, test } from '@jest/globals';
import { KafkaSendError } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';
import { SendLane } from './send.lane.js';
import { Door } from './testing/kafka.reader.js';

describe('a lane of sends', () => {
  test('sends those of one turn by one request', async () => {
    const { lane, requests } = laneThat(async () => undefined);

    await Promise.all([lane.send(records('a', 'b')), lane.send(records('c'))]);

    expect(requests).toEqual([['a', 'b', 'c']]);
  });

  test('fills the next request while one is under way', async () => {
    const door = new Door();
    const { lane, requests } = laneThat(async () => door.passage);
    const first = lane.send(records('a'));
    await Promise.resolve();
    const others = ['b', 'c'].map(async (value) => lane.send(records(value)));

    door.open();

    await Promise.all([first, ...others]);
    expect(requests).toEqual([['a'], ['b', 'c']]);
  });

  test('keeps a request below what a broker takes for one partition, and sends what is larger alone', async () => {
    const { lane, requests } = laneThat(async () => undefined);
    const big = 'x'.repeat(400_000);
    const huge = 'y'.repeat(2_000_000);

    await lane.send(records(big, big, big, huge, 'a'));

    expect(requests.map((values) => values.map((value) => value?.length))).toEqual([
      [400_000, 400_000],
      [400_000],
      [2_000_000],
      [1],
    ]);
  });

  test('sends again in parts what was refused, and tells each sender of its own records alone', async () => {
    const { lane, requests } = laneThat(async (sent) => {
      if (sent.some(({ value }) => value === 'bad')) {
        throw new KafkaSendError('too-large', sent);
      }
    });

    const outcomes = await Promise.allSettled([
      lane.send(records('a', 'b')),
      lane.send(records('c', 'bad')),
      lane.send(records('d')),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { records: records('bad'), isMaybeStored: false } });
    expect(requests.filter((values) => !values.includes('bad')).flat()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('sends nothing again of what may be stored', async () => {
    const { lane, requests } = laneThat(async (sent) => {
      throw new KafkaSendError('unreachable', sent);
    });

    const sending = lane.send(records('a', 'b'));

    await expect(sending).rejects.toMatchObject({ isMaybeStored: true, records: records('a', 'b') });
    expect(requests).toHaveLength(1);
  });

  test('takes an error that it does not know for one after which records may be stored', async () => {
    const { lane } = laneThat(async () => {
      throw new Error('what is that');
    });

    const sending = lane.send(records('a'));

    await expect(sending).rejects.toMatchObject({
      isMaybeStored: true,
      message: expect.stringContaining('what is that'),
    });
  });

  test('waits at its end for what was taken, and takes no more', async () => {
    const { lane, requests } = laneThat(async () => undefined);
    const sending = lane.send(records('a'));

    await lane.close();

    await sending;
    await expect(lane.send(records('b'))).rejects.toMatchObject({ code: 'KAFKA_CLOSED' });
    expect(requests).toEqual([['a']]);
  });
});

function laneThat(produce: (sent: readonly OutgoingRecord[]) => Promise<void>) {
  const requests: (string | undefined)[][] = [];
  const lane = new SendLane(async (sent) => {
    requests.push(sent.map(({ value }) => value));
    await produce(sent);
  });
  return { lane, requests };
}

function records(...values: readonly string[]): readonly OutgoingRecord[] {
  return values.map((value) => ({ topic: 'orders', key: 'k', value, headers: {} }));
}
