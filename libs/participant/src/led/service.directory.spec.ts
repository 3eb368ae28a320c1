import type { ParticipantView } from '@atone/protocol';
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../testing/led.world.js';
import { createPortDirectory } from './service.directory.js';

function instance(name: string, change: Partial<ParticipantView> = {}): ParticipantView {
  const at = '2026-01-01T00:01:00.000Z';
  return {
    service: 'stock',
    instance: name,
    baseUrl: `http://${name}.test`,
    kind: 'library',
    protocol: 1,
    actions: [],
    registeredAt: at,
    seenAt: at,
    ...change,
  };
}

function directoryOf(...instances: ParticipantView[]) {
  const clock = new VirtualClock();
  const catalogue = { instances, askedCount: 0, isDown: false };
  const client = {
    participants: async () => {
      catalogue.askedCount += 1;
      if (catalogue.isDown) {
        throw new Error('connect ECONNREFUSED');
      }
      return catalogue.instances;
    },
  };
  return {
    clock,
    catalogue,
    directory: createPortDirectory({ client, urls: { mail: 'http://mail.test' } }, clock),
  };
}

describe('the directory of services', () => {
  test('prefers what is configured', async () => {
    const { directory, catalogue } = directoryOf(instance('a', { service: 'mail' }));

    expect(await directory.waysTo('mail', undefined)).toEqual({ baseUrls: ['http://mail.test'] });
    expect(catalogue.askedCount).toBe(0);
  });

  test.each([
    ['blue', ['http://blue.test']],
    ['green', ['http://a.test', 'http://b.test']],
    [undefined, ['http://a.test', 'http://b.test']],
  ])(
    'asks in lane %s the instances of it, else those without one, and nobody who is gone',
    async (lane, urls) => {
      const gone = instance('gone', { seenAt: '2026-01-01T00:00:00.000Z' });
      const { directory } = directoryOf(
        instance('a'),
        gone,
        instance('blue', { lane: 'blue' }),
        instance('b'),
      );

      expect(await directory.waysTo('stock', lane)).toEqual({ baseUrls: urls });
    },
  );

  test('asks the coordinator again after some seconds, and goes on with what is known while it is down', async () => {
    const { directory, catalogue, clock } = directoryOf(instance('a'));
    await Promise.all([directory.waysTo('stock', undefined), directory.waysTo('stock', undefined)]);
    const askedAtFirst = catalogue.askedCount;
    catalogue.isDown = true;
    await clock.pass(6_000);

    expect(await directory.waysTo('stock', undefined)).toEqual({ baseUrls: ['http://a.test'] });
    expect([askedAtFirst, catalogue.askedCount]).toEqual([1, 2]);
  });

  test.each([
    ['is not known', 'nobody', 'knows no instance'],
    ['is a plain endpoint', 'plain', 'atoneFetch'],
    ['takes commands over Kafka alone', 'records', 'kafka: kafkaCommands({ client })'],
    ['serves other lanes alone', 'lanes', "no instance for the lane 'green'"],
  ])('says what to do about a service that %s', async (_title, service, message) => {
    const { directory } = directoryOf(
      instance('p', { service: 'plain', kind: 'plain' }),
      instance('l', { service: 'lanes', lane: 'blue' }),
      instance('k', { service: 'records', baseUrl: undefined, kafka: { topic: 'atone.commands.records' } }),
    );

    await expect(directory.waysTo(service, 'green')).rejects.toMatchObject({
      code: 'MISUSE',
      message: expect.stringContaining(message),
    });
  });
});
