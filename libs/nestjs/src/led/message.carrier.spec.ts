import { beforeEach, describe, expect, test } from '@jest/globals';
import { ClientProxyFactory, RmqRecordBuilder, Transport } from '@nestjs/microservices';
import { RmqRecordSerializer } from '@nestjs/microservices/serializers/rmq-record.serializer.js';
import { defer, firstValueFrom, of } from 'rxjs';
import { carrierOf } from './message.carrier.js';
import { openEnvelope } from './message.envelope.js';

const CONTEXT = { 'atone-gid': 'g', 'atone-branch-id': '1', traceparent: 'of the transaction' };

/** What Nest's clients have inside. */
interface Insides {
  serializer: { serialize(value: unknown, options?: unknown): unknown };
  deserializer: { deserialize(value: unknown): unknown };
}

/** Returns what is sent for `payload` in a transaction, by a client that serializes what `wrap` makes of it. */
function serializerOf(
  client: Pick<Insides, 'serializer'>,
  wrap: (payload: unknown) => unknown = (payload) => payload,
): (payload: unknown) => Promise<unknown> {
  const carry = carrierOf(client);
  const send = (payload: unknown) => defer(async () => client.serializer.serialize(wrap(payload)));
  return (payload) => firstValueFrom(carry(send, payload, CONTEXT));
}

describe('a message of Kafka', () => {
  let client: Insides;
  let serialize: (payload: unknown) => Promise<unknown>;

  beforeEach(() => {
    client = ClientProxyFactory.create({ transport: Transport.KAFKA, options: {} }) as unknown as Insides;
    serialize = serializerOf(client);
  });

  test('carries the context in its headers, beside an untouched value', async () => {
    expect(await serialize({ sku: 'lamp' })).toEqual({ value: '{"sku":"lamp"}', headers: CONTEXT });
  });

  test('keeps key, partition and headers of its own, also a trace', async () => {
    const headers = { 'x-version': '1', traceparent: 'of the message', 'atone-gid': 'of another' };
    const message = { key: 'k', value: 'lamp', partition: 3, headers };

    expect(await serialize(message)).toEqual({
      ...message,
      headers: { ...CONTEXT, 'x-version': '1', traceparent: 'of the message' },
    });
    expect(headers).toEqual({ 'x-version': '1', traceparent: 'of the message', 'atone-gid': 'of another' });
  });

  test('without a context is as ever', () => {
    expect(client.serializer.serialize('lamp')).toEqual({ value: 'lamp', headers: {} });
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

  test('carries the context in the headers of its options', async () => {
    const serialize = serializerOf(new ClientRMQ(), (data) => ({ pattern: 'reserve', data }));
    const options = { priority: 3, headers: { 'x-version': '1' } };

    const plain = await serialize('lamp');
    const record = await serialize(new RmqRecordBuilder('lamp').setOptions(options).build());

    expect(plain).toEqual({ pattern: 'reserve', data: 'lamp', options: { headers: CONTEXT } });
    expect(record).toEqual({
      pattern: 'reserve',
      data: 'lamp',
      options: { priority: 3, headers: { ...CONTEXT, 'x-version': '1' } },
    });
  });
});

describe('a client', () => {
  class ClientRedis {
    readonly setOnDispatchHook = (): void => undefined;
    serializer: Insides['serializer'] = { serialize: (packet) => packet };
  }

  test('of TCP puts the context around the payload in Nest 11, whose receivers do not read metadata', async () => {
    const nest12 = ClientProxyFactory.create({ transport: Transport.TCP });
    const carry = carrierOf(Object.assign(nest12, { setOnDispatchHook: undefined }));

    expect(await firstValueFrom(carry(of, 'lamp', CONTEXT))).toEqual({ __atone: CONTEXT, data: 'lamp' });
    expect(await firstValueFrom(carry(of, 'lamp', undefined))).toBe('lamp');
  });

  test('whose serializer waits for something carries the context when that is there', async () => {
    class ClientKafka {
      serializer = { serialize: async (value: unknown) => ({ value: Buffer.from(String(value)) }) };
      deserializer = { deserialize: async (message: object) => ({ ...message, response: 'held' }) };
    }
    const client = new ClientKafka();
    const serialize = serializerOf(client);

    const answer = await client.deserializer.deserialize({
      headers: { 'atone-enlisted': Buffer.from('{}') },
    });

    expect(await serialize('lamp')).toEqual({ value: Buffer.from('lamp'), headers: CONTEXT });
    expect(openEnvelope(answer.response)).toEqual({ carried: { 'atone-enlisted': '{}' }, data: 'held' });
  });

  test('whose serializer makes no objects is told how to go on', async () => {
    const client = new ClientRedis();
    client.serializer = { serialize: (packet) => JSON.stringify(packet) };
    const serialize = serializerOf(client);

    await expect(serialize('lamp')).rejects.toThrow('or use another serializer');
    expect(client.serializer.serialize({ data: 'lamp' })).toBe('{"data":"lamp"}');
  });

  test('that sends past its serializer is found out, and told how to go on', async () => {
    const carry = carrierOf(new ClientRedis());

    await expect(firstValueFrom(carry(of, 'lamp', CONTEXT))).rejects.toThrow('does not use its serializer');
    expect(await firstValueFrom(carry(of, 'lamp', undefined))).toBe('lamp');
  });
});
