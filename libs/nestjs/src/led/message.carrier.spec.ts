import { beforeEach, describe, expect, test } from '@jest/globals';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { carrierOf } from './message.carrier.js';
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
