import { describe, expect, test } from '@jest/globals';
import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { isOfKafka, kafkaAnswer, metadataOf } from './message.metadata.js';

const METADATA = { 'atone-gid': 'g', 'x-version': '1' };

function kafkaContext(headers: object | undefined): KafkaContext {
  const rest = [0, 'reserve', undefined, undefined, undefined] as unknown as [
    number,
    string,
    never,
    never,
    never,
  ];
  return new KafkaContext([{ headers } as never, ...rest]);
}

describe('metadata of a message', () => {
  const natsHeaders = new Map(Object.entries(METADATA).map(([name, value]) => [name, [value]]));

  test.each([
    ['Kafka', kafkaContext({ 'atone-gid': Buffer.from('g'), 'x-version': '1' })],
    ['NATS', new NatsContext(['reserve', natsHeaders])],
    ['RabbitMQ', new RmqContext([{ properties: { headers: METADATA } }, {}, 'reserve'])],
    ['MQTT 5', new MqttContext(['reserve', { properties: { userProperties: METADATA } }])],
    ['Redis', new RedisContext(['reserve', METADATA])],
    ['TCP', new TcpContext([{} as never, 'reserve', METADATA])],
  ])('is read from the context of %s', (_, context) => {
    expect(metadataOf(context)).toEqual(METADATA);
  });

  test('has names in lower case, and of several values the first', () => {
    expect(metadataOf(kafkaContext({ 'Atone-Gid': ['g', 'h'], none: undefined, size: 3 }))).toEqual({
      'atone-gid': 'g',
      size: '3',
    });
  });

  test.each([
    ['without a transaction', kafkaContext({ 'x-version': '1' })],
    ['without headers', kafkaContext(undefined)],
    ['of NATS without headers', new NatsContext(['reserve', undefined])],
    ['of MQTT 3', new MqttContext(['reserve', {}])],
    ['of another transport', { args: [] }],
    ['without a context', undefined],
  ])('%s tells of nothing', (_, context) => {
    expect(metadataOf(context)).toBeUndefined();
  });
});

describe('an answer of Kafka', () => {
  const ENLISTED = { 'atone-enlisted': '{}' };

  test('has headers beside its value', () => {
    expect(kafkaAnswer({ data: 'held' }, ENLISTED)).toEqual({ value: 'held', headers: ENLISTED });
    expect(kafkaAnswer({}, ENLISTED)).toEqual({ value: undefined, headers: ENLISTED });
  });

  test('that is a message keeps its key and its headers', () => {
    const message = { key: 'k', value: 'held', headers: { 'x-version': '1' } };

    expect(kafkaAnswer({ data: message }, ENLISTED)).toEqual({
      ...message,
      headers: { 'x-version': '1', ...ENLISTED },
    });
  });

  test('is given to messages that came by Kafka', () => {
    expect(isOfKafka(kafkaContext({}))).toBe(true);
    expect(isOfKafka(new RmqContext([{}, {}, 'reserve']))).toBe(false);
    expect(isOfKafka(undefined)).toBe(false);
  });
});
