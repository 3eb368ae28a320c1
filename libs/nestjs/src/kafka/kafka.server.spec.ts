import type { KafkaClient, TopicSettings } from '@atone/kafka';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller } from '@nestjs/common';
import {
  Ctx,
  EventPattern,
  KafkaContext,
  KafkaRetriableException,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { concatMap, EMPTY, from, of, throwError, type Observable } from 'rxjs';
import { KafkaDesk, newGate } from '../testing/kafka.fixture.js';

const REQUEST = {
  kafka_correlationId: '7',
  kafka_replyTopic: 'asked.reply',
  kafka_replyPartition: '0',
};
const LAST = '\u0000';

/** What was seen of messages, and what becomes of them. */
const seen: unknown[] = [];
let deal: (payload: unknown) => unknown;

@Controller()
class Desk {
  @EventPattern('told', Transport.KAFKA)
  async told(@Payload() payload: unknown): Promise<void> {
    seen.push(payload);
    await deal(payload);
  }

  @EventPattern('flowing')
  flowing(@Payload() payload: unknown): Observable<unknown> {
    return deal(payload) as Observable<unknown>;
  }

  @MessagePattern('asked')
  asked(@Payload() payload: unknown, @Ctx() context: KafkaContext): unknown {
    seen.push(context);
    return deal(payload);
  }
}

let desk: KafkaDesk;

beforeEach(async () => {
  seen.length = 0;
  deal = () => undefined;
  desk = new KafkaDesk();
  await desk.createTopics('told', 'flowing', 'asked', 'asked.reply');
});

afterEach(async () => desk.close());

describe('an event by Kafka', () => {
  test('is given to its handler as Nest reads it, and its place is committed then', async () => {
    await desk.open(Desk);

    await desk.send(
      { topic: 'told', value: '{"sku":"lamp"}' },
      { topic: 'told', value: 'lamp' },
      { topic: 'told', value: undefined },
    );

    await desk.committed('told', 3);
    expect(seen).toEqual([{ sku: 'lamp' }, 'lamp', expect.objectContaining({ value: null })]);
  });

  test('waits for the one before it of its key, and for no other', async () => {
    const { goOn, gate } = newGate();
    deal = async (payload) => (payload === 'slow' ? gate : undefined);
    await desk.open(Desk);

    await desk.send(
      { topic: 'told', key: 'a', value: 'slow' },
      { topic: 'told', key: 'a', value: 'behind' },
      { topic: 'told', key: 'b', value: 'other' },
    );

    await desk.until(() => seen.length === 2);
    const early = [...seen];
    goOn();
    await desk.committed('told', 3);
    expect([early, seen]).toEqual([
      ['slow', 'other'],
      ['slow', 'other', 'behind'],
    ]);
  });

  test('has no more handlers run at once than it may', async () => {
    let [running, most] = [0, 0];
    deal = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      running -= 1;
    };
    await desk.open(Desk, { parallelMax: 3 });

    await desk.send(
      ...Array.from({ length: 20 }, (_, at) => ({ topic: 'told', key: `${at}`, value: `${at}` })),
    );

    await desk.committed('told', 20);
    expect([most, seen.length]).toEqual([3, 20]);
  });

  test('comes again when its handler throws, and alone', async () => {
    const troubles = ['no database'];
    deal = (payload) => {
      const trouble = payload === 'lamp' ? troubles.pop() : undefined;
      if (trouble !== undefined) {
        throw new Error(trouble);
      }
    };
    await desk.open(Desk);

    await desk.send({ topic: 'told', key: 'a', value: 'lamp' }, { topic: 'told', key: 'b', value: 'rug' });

    await desk.committed('told', 2);
    expect(seen).toEqual(['lamp', 'rug', 'lamp']);
    expect(desk.kafka.records('atone.dead')).toEqual([]);
  });

  test('whose handler always throws lies with the dead letters and the reason, and those behind it go on', async () => {
    deal = (payload) => {
      if (payload === 'poison') {
        throw new RpcException('it makes no sense');
      }
    };
    await desk.open(Desk, { attemptMax: 3 });

    await desk.send(
      { topic: 'told', key: 'a', value: 'poison', headers: { own: '1' } },
      { topic: 'told', key: 'a', value: 'lamp' },
    );

    await desk.committed('told', 2);
    expect(seen).toEqual(['poison', 'poison', 'poison', 'lamp']);
    expect(desk.kafka.records('atone.dead')).toMatchObject([
      {
        value: 'poison',
        headers: {
          own: '1',
          'atone-dead-reason': 'Its handler has failed 3 times: it makes no sense',
          'atone-dead-topic': 'told',
          'atone-dead-partition': '0',
          'atone-dead-offset': '0',
        },
      },
    ]);
  });

  test('fails also by the stream that its handler returns', async () => {
    deal = (payload) => (payload === 'poison' ? throwError(() => new Error('no')) : EMPTY);
    await desk.open(Desk, { attemptMax: 1, prefix: 'atone' });

    await desk.send({ topic: 'flowing', value: 'poison' }, { topic: 'flowing', value: 'lamp' });

    const dead = await desk.stored('atone.dead', 1);
    await desk.committed('flowing', 2);
    expect(dead.map(({ value }) => value)).toEqual(['poison']);
  });

  test('that its handler wants again comes until it is through, without those beside it', async () => {
    let countdown = 4;
    deal = (payload) => {
      countdown -= payload === 'lamp' ? 1 : 0;
      if (payload === 'lamp' && countdown > 0) {
        throw new KafkaRetriableException('the database is away');
      }
    };
    await desk.open(Desk, { attemptMax: 1 });

    await desk.send({ topic: 'told', key: 'a', value: 'lamp' }, { topic: 'told', key: 'b', value: 'rug' });

    await desk.committed('told', 2);
    expect(seen).toEqual(['lamp', 'rug', 'lamp', 'lamp', 'lamp']);
    expect(desk.kafka.records('atone.dead')).toEqual([]);
  });

  test('is not lost when the brokers take no dead letter: it comes again', async () => {
    deal = () => throwError(() => new Error('no'));
    let refusals = 2;
    desk.kafka.faults = {
      request: (records) => {
        refusals -= 1;
        return refusals >= 0 && records[0]?.topic === 'atone.dead' ? 'unreachable' : 'answered';
      },
    };
    await desk.open(Desk, { attemptMax: 1 });
    refusals = 2;
    await desk.send({ topic: 'flowing', value: 'poison' });

    await desk.committed('flowing', 1);
    expect(desk.kafka.records('atone.dead').map(({ value }) => value)).toEqual(['poison']);
  });
});

describe('a message by Kafka that wants an answer', () => {
  test('is answered where its sender waits, as Nest reads it', async () => {
    deal = (payload) => ({ held: payload });
    await desk.open(Desk);

    await desk.send({ topic: 'asked', key: 'a', value: '{"sku":"lamp"}', headers: REQUEST });

    const answers = await desk.stored('asked.reply', 1);
    await desk.committed('asked', 1);
    expect(answers).toMatchObject([
      {
        partition: 0,
        value: '{"held":{"sku":"lamp"}}',
        headers: { kafka_correlationId: '7', 'kafka_nest-is-disposed': LAST },
      },
    ]);
    expect(Object.keys(answers[0]?.headers ?? {})).not.toContain('kafka_nest-err');
  });

  test('tells its handler of itself, as Nest does', async () => {
    await desk.open(Desk);

    await desk.send({ topic: 'asked', key: 'a', value: 'lamp', headers: { ...REQUEST, 'x-version': '1' } });

    await desk.stored('asked.reply', 1);
    const [context] = seen as [KafkaContext];
    expect(context.getMessage()).toMatchObject({
      key: 'a',
      value: 'lamp',
      offset: '0',
      headers: { 'x-version': '1' },
    });
    expect([context.getTopic(), context.getPartition()]).toEqual(['asked', 0]);
    expect(() => context.getConsumer()).toThrow('its place is committed when its handler has returned');
    expect(() => context.getProducer()).toThrow('Send by a client of your own');
    await expect(context.getHeartbeat()()).resolves.toBeUndefined();
  });

  test('has several answers, each for itself and the last one marked', async () => {
    deal = () => from([1, 2]).pipe(concatMap(async (count) => Promise.resolve({ count })));
    await desk.open(Desk);

    await desk.send({ topic: 'asked', value: 'lamp', headers: REQUEST });

    await desk.committed('asked', 1);
    const answers = desk.kafka.records('asked.reply');
    expect(answers.map(({ value }) => value).slice(0, 2)).toEqual(['{"count":1}', '{"count":2}']);
    expect(answers.at(-1)?.headers).toHaveProperty('kafka_nest-is-disposed');
  });

  test('is answered by the error of its handler, once, and is no dead letter', async () => {
    deal = () => {
      throw new RpcException('sold out');
    };
    await desk.open(Desk);

    await desk.send({ topic: 'asked', value: 'lamp', headers: REQUEST });

    const [answer] = await desk.stored('asked.reply', 1);
    await desk.committed('asked', 1);
    expect(answer?.value).toBeUndefined();
    expect(JSON.parse(answer?.headers['kafka_nest-err'] ?? '')).toEqual({
      status: 'error',
      message: 'sold out',
    });
    expect(desk.kafka.records('atone.dead')).toEqual([]);
  });

  test('that its handler wants again is answered when it is through', async () => {
    let countdown = 2;
    deal = () => {
      countdown -= 1;
      if (countdown > 0) {
        throw new KafkaRetriableException('the database is away');
      }
      return 'held';
    };
    await desk.open(Desk);

    await desk.send({ topic: 'asked', value: 'lamp', headers: REQUEST });

    const answers = await desk.stored('asked.reply', 1);
    await desk.committed('asked', 1);
    expect(answers.map(({ value }) => value)).toEqual(['held']);
  });

  test('keeps key and headers that its handler gives the answer', async () => {
    deal = () =>
      of({ key: 'c', value: Buffer.from('held'), headers: { 'x-left': Buffer.from('7'), count: 3 } });
    await desk.open(Desk);
    const headers = { ...REQUEST, kafka_replyPartition: 'none' };

    await desk.send({ topic: 'asked', value: 'lamp', headers });

    const answers = await desk.stored('asked.reply', 1);
    expect(answers).toMatchObject([{ key: 'c', value: 'held', headers: { 'x-left': '7', count: '3' } }]);
  });

  test('hears that its answer is larger than its topic takes', async () => {
    deal = () => 'x'.repeat(2_000_000);
    await desk.open(Desk);

    await desk.send({ topic: 'asked', value: 'lamp', headers: REQUEST });

    const [answer] = await desk.stored('asked.reply', 1);
    expect(answer?.headers['kafka_nest-err']).toContain('larger than its topic takes');
  });

  test('is answered though the brokers do not take the answer at once', async () => {
    let [refusals, isAsked] = [2, false];
    desk.kafka.faults = {
      request: () => (isAsked && refusals-- > 0 ? 'unreachable' : 'answered'),
    };
    deal = () => {
      isAsked = true;
      return 'held';
    };
    await desk.open(Desk);

    await desk.send({ topic: 'asked', value: 'lamp', headers: REQUEST });

    const answers = await desk.stored('asked.reply', 1);
    expect(answers.map(({ value }) => value)).toEqual(['held']);
  });

  test('whose answer nobody can take holds up no other', async () => {
    deal = () => 'held';
    await desk.open(Desk);

    await desk.send(
      { topic: 'asked', value: 'lamp', headers: { ...REQUEST, kafka_replyTopic: 'nowhere' } },
      { topic: 'asked', value: 'rug', headers: REQUEST },
    );

    const answers = await desk.stored('asked.reply', 1);
    await desk.committed('asked', 2);
    expect(answers).toHaveLength(1);
  });
});

describe('a service on Kafka', () => {
  test('does not start without its topics, and says what is missing', async () => {
    desk = new KafkaDesk();
    await desk.createTopics('told', 'asked');

    const starting = desk.open(Desk);

    await expect(starting).rejects.toThrow(
      /there is no topic flowing\..* run:\nkafka-topics\.sh .* --topic flowing --partitions 12$/u,
    );
  });

  test('creates its topics where it is told to', async () => {
    desk = new KafkaDesk();

    await desk.open(Desk, { createTopics: { partitionCount: 3, replicationFactor: 1 } });

    const counts = await desk.client.partitionCounts(['told', 'atone.dead']);
    expect(counts).toEqual(
      new Map([
        ['told', 3],
        ['atone.dead', 3],
      ]),
    );
  });

  test('keeps dead letters for a month, and leaves to the brokers for how long messages are kept', async () => {
    desk = new KafkaDesk();
    const created: TopicSettings[] = [];
    const client = Object.assign(Object.create(desk.client) as KafkaClient, {
      createTopics: async (topics: readonly TopicSettings[]) => {
        created.push(...topics);
        await desk.client.createTopics(topics);
      },
    });

    await desk.open(Desk, { client, createTopics: { partitionCount: 3, replicationFactor: 1 } });

    const settings = new Map(created.map((topic) => [topic.name, topic.settings]));
    expect(settings.get('atone.dead')).toMatchObject({ 'retention.ms': String(30 * 86_400_000) });
    expect(settings.get('told')).toBeUndefined();
  });

  test('takes no patterns that are no names', async () => {
    @Controller()
    class Everything {
      @EventPattern(/.*/u)
      heard(): void {
        seen.push('heard');
      }
    }

    const starting = desk.open(Everything);

    await expect(starting).rejects.toThrow('takes topics by their names');
  });

  test('leaves what it was at when it is stopped to the next one, and what was through it does not repeat', async () => {
    const first = await desk.open(Desk);
    await desk.send({ topic: 'told', value: 'lamp' });
    await desk.until(() => seen.length === 1);
    await first.close();
    await desk.send({ topic: 'told', value: 'rug' });

    await desk.open(Desk);

    await desk.committed('told', 2);
    expect(seen).toEqual(['lamp', 'rug']);
  });
});
