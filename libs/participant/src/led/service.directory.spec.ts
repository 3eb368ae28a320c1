import type { ParticipantView } from '@atone/protocol';
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../testing/led.world.js';
import { createPortDirectory, type ServiceDirectory } from './service.directory.js';

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

const TOPIC = 'atone.commands.stock';
const OVER_KAFKA = { baseUrl: undefined, kafka: { topic: TOPIC } };

/** A directory of a process that has a client of Kafka. */
function withKafka(...instances: ParticipantView[]): ServiceDirectory {
  const client = { participants: async () => instances };
  return createPortDirectory({ client, reachesTopic: isOurs }, new VirtualClock());
}

function isOurs(topic: string): boolean {
  return topic.startsWith('atone.commands.');
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

describe('the directory of a process with a client of Kafka', () => {
  test.each<[string, Partial<ParticipantView>, { baseUrls: string[]; topic: string | undefined }]>([
    ['over Kafka alone', OVER_KAFKA, { baseUrls: [], topic: TOPIC }],
    ['both ways', { kafka: { topic: TOPIC } }, { baseUrls: ['http://a.test'], topic: TOPIC }],
    [
      'by requests, its topic being of another installation',
      { kafka: { topic: 'other.commands.stock' } },
      { baseUrls: ['http://a.test'], topic: undefined },
    ],
  ])('tells of a service that is reached %s', async (_title, change, ways) => {
    expect(await withKafka(instance('a', change)).waysTo('stock', undefined)).toEqual(ways);
  });

  test('tells of the topic of a lane where somebody serves it, and of one topic where there are several', async () => {
    const directory = withKafka(
      instance('a', { ...OVER_KAFKA, kafka: { topic: `${TOPIC}.b` } }),
      instance('b', OVER_KAFKA),
      instance('c', { ...OVER_KAFKA, lane: 'blue', kafka: { topic: `${TOPIC}.blue` } }),
    );

    const ways = [await directory.waysTo('stock', undefined), await directory.waysTo('stock', 'blue')];

    expect(ways.map(({ topic }) => topic)).toEqual([TOPIC, `${TOPIC}.blue`]);
  });

  test('says so where the only topic is of another installation', async () => {
    const directory = withKafka(instance('a', { ...OVER_KAFKA, kafka: { topic: 'other.commands.stock' } }));

    await expect(directory.waysTo('stock', undefined)).rejects.toMatchObject({
      code: 'MISUSE',
      message: expect.stringContaining("at 'other.commands.stock', where this process sends none"),
    });
  });
});
