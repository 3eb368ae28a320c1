import { beforeEach, describe, expect, test } from '@jest/globals';
import { ClientProxyFactory, RmqRecordBuilder, Transport } from '@nestjs/microservices';
import { RmqRecordSerializer } from '@nestjs/microservices/serializers/rmq-record.serializer.js';
import { carrierOf, hasMetadata, isClientProxy } from './message.carrier.js';
import { openEnvelope } from './message.envelope.js';

const CONTEXT = { 'atone-gid': 'g', 'atone-branch-id': '1', traceparent: 'of the transaction' };

/** What Nest's clients have inside. */
interface Insides {
  serializer: { serialize(value: unknown, options?: unknown): unknown };
  deserializer: { deserialize(value: unknown): unknown };
}

describe('a message of Kafka', () => {
  let client: Insides;
  let carry: ReturnType<typeof carrierOf>;

  beforeEach(() => {
    const proxy = ClientProxyFactory.create({ transport: Transport.KAFKA, options: {} });
    carry = carrierOf(proxy);
    client = proxy as unknown as Insides;
  });

  test('carries the context in its headers, beside an untouched value', () => {
    expect(client.serializer.serialize(carry({ sku: 'lamp' }, CONTEXT))).toEqual({
      value: '{"sku":"lamp"}',
      headers: CONTEXT,
    });
  });

  test('keeps key, partition and headers of its own, also a trace', () => {
    const headers = { 'x-version': '1', traceparent: 'of the message', 'atone-gid': 'of another' };
    const message = { key: 'k', value: 'lamp', partition: 3, headers };

    expect(client.serializer.serialize(carry(message, CONTEXT))).toEqual({
      ...message,
      headers: { ...CONTEXT, 'x-version': '1', traceparent: 'of the message' },
    });
    expect(headers).toEqual({ 'x-version': '1', traceparent: 'of the message', 'atone-gid': 'of another' });
  });

  test('without a context is as ever', () => {
    expect(client.serializer.serialize('lamp')).toEqual({ value: 'lamp', headers: {} });
  });

  test('is read by those who look at it on its way', () => {
    expect(JSON.stringify({ data: carry({ sku: 'lamp' }, CONTEXT) })).toBe('{"data":{"sku":"lamp"}}');
  });

  test('has an answer whose headers tell what was enlisted, as Nest reads them', () => {
    const headers = { kafka_correlationId: '7', 'atone-enlisted': { below: [] } };

    const { response } = client.deserializer.deserialize({ value: 'held', headers }) as { response: unknown };

    expect(openEnvelope(response)).toEqual({
      carried: { 'atone-enlisted': '{"below":[]}' },
      data: 'held',
    });
  });

  test('has an answer that is an error, or of somebody who takes no part, as ever', () => {
    const failed = { kafka_correlationId: '7', 'kafka_nest-err': 'no', 'atone-enlisted': '{}' };

    expect(client.deserializer.deserialize({ value: null, headers: failed })).toMatchObject({ err: 'no' });
    expect(
      client.deserializer.deserialize({ value: 'held', headers: { kafka_correlationId: '7' } }),
    ).toMatchObject({ response: 'held' });
  });
});

describe('a message of RabbitMQ', () => {
  /** As Nest's, whose client library is not here. */
  class ClientRMQ {
    serializer = new RmqRecordSerializer();
  }

  test('carries the context in the headers of its options', () => {
    const client = new ClientRMQ();
    const carry = carrierOf(client);
    const record = new RmqRecordBuilder('lamp')
      .setOptions({ priority: 3, headers: { 'x-version': '1' } })
      .build();

    expect(client.serializer.serialize({ pattern: 'reserve', data: carry('lamp', CONTEXT) })).toEqual({
      pattern: 'reserve',
      data: 'lamp',
      options: { headers: CONTEXT },
    });
    expect(client.serializer.serialize({ pattern: 'reserve', data: carry(record, CONTEXT) })).toEqual({
      pattern: 'reserve',
      data: 'lamp',
      options: { priority: 3, headers: { ...CONTEXT, 'x-version': '1' } },
    });
  });
});

describe('a client', () => {
  test.each([
    [{ transport: Transport.KAFKA } as const],
    [{ transport: Transport.NATS } as const],
    [{ transport: Transport.TCP } as const],
    [{ transport: Transport.REDIS } as const],
  ])('of $transport has a place for the context beside the payload', (options) => {
    const client = ClientProxyFactory.create(options);

    expect(isClientProxy(client)).toBe(true);
    expect(hasMetadata(client)).toBe(true);
  });

  test('of TCP has none in Nest 11, whose receivers do not read it', () => {
    const nest12 = ClientProxyFactory.create({ transport: Transport.TCP });
    const client = Object.assign(nest12, { setOnDispatchHook: undefined });

    expect(hasMetadata(client)).toBe(false);
    expect(carrierOf(client)('lamp', CONTEXT)).toEqual({ __atone: CONTEXT, data: 'lamp' });
  });

  test('whose serializer waits for something carries the context when that is there', async () => {
    class ClientKafka {
      serializer = { serialize: async (value: string) => ({ value: Buffer.from(value) }) };
      deserializer = { deserialize: async (message: object) => ({ ...message, response: 'held' }) };
    }
    const client = new ClientKafka();
    const carried = carrierOf(client)('lamp', CONTEXT) as string;

    const message = await client.serializer.serialize(carried);
    const answer = await client.deserializer.deserialize({
      headers: { 'atone-enlisted': Buffer.from('{}') },
    });

    expect(message).toEqual({ value: Buffer.from('lamp'), headers: CONTEXT });
    expect(openEnvelope(answer.response)).toEqual({ carried: { 'atone-enlisted': '{}' }, data: 'held' });
  });

  test('whose serializer makes no objects is told how to go on', () => {
    class ClientRedis {
      serializer = { serialize: (packet: object) => JSON.stringify(packet) };
      readonly setOnDispatchHook = (): void => undefined;
    }
    const client = new ClientRedis();
    const carried = carrierOf(client)('lamp', CONTEXT);

    expect(client.serializer.serialize({ data: 'lamp' })).toBe('{"data":"lamp"}');
    expect(() => client.serializer.serialize({ data: carried })).toThrow('Leave the client out');
  });

  test('is nothing else that sends', () => {
    expect(isClientProxy({ send: () => undefined })).toBe(false);
    expect(isClientProxy(undefined)).toBe(false);
  });
});
