import { describe, expect, test } from '@jest/globals';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { hasMetadata, isClientProxy } from './message.stamp.js';

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

  test('of TCP has none in Nest 11', () => {
    const nest12 = ClientProxyFactory.create({ transport: Transport.TCP });

    expect(hasMetadata(Object.assign(nest12, { setOnDispatchHook: undefined }))).toBe(false);
  });

  test('of NATS has none without the method that makes its headers', () => {
    const client = ClientProxyFactory.create({ transport: Transport.NATS });

    expect(hasMetadata(Object.assign(client, { mergeHeaders: undefined }))).toBe(false);
  });

  test('is nothing else that sends', () => {
    expect(isClientProxy({ send: () => undefined })).toBe(false);
    expect(isClientProxy(undefined)).toBe(false);
  });

  test.each<[string, object]>([
    ['a module with `send`', Object.assign(Object.create(null) as object, { send: () => undefined })],
    ['what has `send` and a constructor of its own', { send: () => undefined, constructor: 'by hand' }],
    [
      'what stands for an object that is not there yet',
      new Proxy({ send: () => undefined }, { get: refuse }),
    ],
  ])('is not %s', (_what, provided) => {
    expect(isClientProxy(provided)).toBe(false);
  });
});

function refuse(): never {
  throw new Error('It is not there yet.');
}
