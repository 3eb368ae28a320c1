import 'reflect-metadata';
import { AsyncResource } from 'node:async_hooks';
import { describe, expect, test } from '@jest/globals';
import { Module, Scope, type Provider } from '@nestjs/common';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { NoTransactionError } from '@atone/participant';
import type { PropagationOptions } from '../atone.options.js';
import { compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { firstValueFrom, type Observable } from 'rxjs';
import { atoneClientProxy } from './client.proxy.js';
import { GlobalTransactions } from './global-transactions.service.js';

/** A client of a transport of its own: it remembers what it was given, and answers `ok`. */
class OwnClient extends ClientProxy {
  readonly sent: object[] = [];

  constructor() {
    super();
    this.initializeSerializer({});
  }

  async connect(): Promise<void> {}

  close(): void {}

  unwrap(): never {
    throw new Error('There is none.');
  }

  protected publish(packet: ReadPacket, answer: (packet: WritePacket) => void): () => void {
    this.sent.push(this.serializer.serialize(packet) as object);
    answer({ response: 'ok', isDisposed: true });
    return () => undefined;
  }

  protected async dispatchEvent(): Promise<never> {
    throw new Error('It sends no events.');
  }
}

/** Goes by the name of Nest's own: its packets have metadata. */
class ClientTCP extends OwnClient {}

/** Derived from Nest's, as applications do to send more with each message. */
class NotingClient extends ClientTCP {
  override send<Answer>(pattern: string, payload: unknown): Observable<Answer> {
    return super.send(pattern, { ...(payload as object), notedBy: 'orders' });
  }
}

const CONTEXT = expect.objectContaining({ 'atone-branch-id': '1' });
const PLAIN = { pattern: 'reserve', data: 'lamp' };
const BESIDE = { ...PLAIN, metadata: CONTEXT };
const AROUND = { pattern: 'reserve', data: { __atone: CONTEXT, data: 'lamp' } };

interface Application {
  /** Sends a message by this client where no transaction is. */
  sendOutside(token: string): Promise<unknown>;
  /** Sends one where a transaction was that has ended. */
  sendAfterwards(token: string): Promise<unknown>;
  /** Sends a message by this client, in a transaction. Returns what was sent. */
  send(token: string, payload?: unknown): Promise<object[]>;
}

async function startWith(
  propagation: PropagationOptions,
  providers: readonly Provider[] = [
    { provide: 'TCP', useFactory: async () => new ClientTCP() },
    { provide: 'OWN', useValue: new OwnClient() },
  ],
): Promise<Application> {
  @Module({ providers: [...providers] })
  class ClientModule {}

  const module = await compileWith(new FakeCoordinator(), {
    imports: [ClientModule],
    options: { propagation },
  });
  await module.init();
  const clientOf = (token: string): Promise<OwnClient> =>
    module.resolve<OwnClient>(token, undefined, { strict: false });
  const lead = <Result>(work: () => Promise<Result>): Promise<Result> =>
    module.get(GlobalTransactions).run({ name: 'place-order' }, work);
  return {
    sendOutside: async (token) => firstValueFrom((await clientOf(token)).send('reserve', 'lamp')),
    sendAfterwards: async (token) => {
      const client = await clientOf(token);
      const place = await lead(async () => new AsyncResource('place'));
      return place.runInAsyncScope(() => firstValueFrom(client.send('reserve', 'lamp')));
    },
    send: async (token, payload = 'lamp') => {
      const client = await clientOf(token);
      await lead(() => firstValueFrom(client.send('reserve', payload)));
      return client.sent;
    },
  };
}

describe('a client among the providers', () => {
  test('carries transactions by itself where that leaves the payload alone', async () => {
    const application = await startWith({});

    expect(await application.send('TCP')).toEqual([BESIDE]);
    expect(await application.send('OWN')).toEqual([PLAIN]);
  });

  test('carries them around the payload, too, where all clients were said to', async () => {
    const application = await startWith({ clients: true });

    expect(await application.send('TCP')).toEqual([BESIDE]);
    expect(await application.send('OWN')).toEqual([AROUND]);
  });

  test('carries none unless it was named, where others are', async () => {
    const application = await startWith({ clients: ['OWN'] });

    expect(await application.send('TCP')).toEqual([PLAIN]);
    expect(await application.send('OWN')).toEqual([AROUND]);
  });

  test('that was named is refused after the end of the transaction, and others are not', async () => {
    const named = await startWith({ clients: ['TCP'] });
    const unnamed = await startWith({});

    await expect(named.sendAfterwards('TCP')).rejects.toMatchObject({ code: 'TRANSACTION_OVER' });
    expect(await unnamed.sendAfterwards('TCP')).toBe('ok');
  });

  test('sends nothing outside of a transaction where it must be in one', async () => {
    const application = await startWith({ clients: false, mandatoryClients: ['TCP'] });

    await expect(application.sendOutside('TCP')).rejects.toThrow(NoTransactionError);
    expect(await application.send('TCP')).toEqual([BESIDE]);
    expect(await application.sendOutside('OWN')).toBe('ok');
  });

  test('carries none where that was said', async () => {
    expect(await (await startWith({ clients: false })).send('TCP')).toEqual([PLAIN]);
  });

  test('that was told before how to carry them does so', async () => {
    const client = atoneClientProxy(new ClientTCP(), { by: 'envelope' });
    const application = await startWith({}, [{ provide: 'TCP', useValue: client }]);

    expect(await application.send('TCP')).toEqual([AROUND]);
  });

  test('may be of a class that makes something else of its messages', async () => {
    const application = await startWith({}, [{ provide: 'TCP', useValue: new NotingClient() }]);

    const [message] = await application.send('TCP', { sku: 'lamp' });

    expect(message).toEqual({ ...BESIDE, data: { sku: 'lamp', notedBy: 'orders' } });
  });

  test('that is provided by two names carries them once', async () => {
    const application = await startWith({ clients: ['TCP', 'DESK'] }, [
      { provide: 'TCP', useValue: new ClientTCP() },
      { provide: 'DESK', useExisting: 'TCP' },
    ]);

    expect(await application.send('DESK')).toEqual([BESIDE]);
  });

  test('that is made for each request is left as it is', async () => {
    const application = await startWith({}, [
      { provide: 'TCP', scope: Scope.REQUEST, useFactory: () => new ClientTCP() },
    ]);

    expect(await application.send('TCP')).toEqual([PLAIN]);
  });

  test('is no provider that is a module with `send`', async () => {
    const mailer = Object.assign(Object.create(null) as object, { send: () => 'sent' });
    const application = await startWith({}, [
      { provide: 'MAILER', useValue: mailer },
      { provide: 'TCP', useValue: new ClientTCP() },
    ]);

    expect(await application.send('TCP')).toEqual([BESIDE]);
  });

  test.each(['clients', 'mandatoryClients'])('has to be there when it is named in %s', async (option) => {
    await expect(startWith({ [option]: ['TPC'] })).rejects.toThrow(
      '` of AtoneModule names TPC, and no provider of this name is a ClientProxy that lives as long as the application. There are: TCP, OWN.',
    );
  });
});
