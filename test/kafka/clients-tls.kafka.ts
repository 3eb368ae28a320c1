import type { KafkaClient, KafkaConnection } from '@atone/kafka';
import { KafkaReader, record } from '@atone/kafka/conformance';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newName } from './kafka.client.js';
import { LIBRARIES } from './kafka.worlds.js';
import { makeClientCertificate } from './client.certificate.js';
import { startSecureBroker, STOCK_PASSWORD, type SecureBroker } from './secure.broker.js';

type Login = Pick<KafkaConnection, 'tls' | 'sasl'>;

let secure: SecureBroker;

beforeAll(async () => {
  secure = await startSecureBroker();
});

afterAll(async () => {
  await secure.stop();
});

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

function loginBy(mechanism: (typeof MECHANISMS)[number], password = STOCK_PASSWORD): Login {
  return { tls: { ca: secure.ca }, sasl: { mechanism, username: 'stock', password } };
}

/** Who comes in vain, where, with what, and what he is told. */
interface Stranger {
  readonly title: string;
  readonly place: 'broker' | 'mutualBroker';
  readonly login: () => Login;
  readonly refusal: object;
}

const UNREACHABLE = { code: 'KAFKA_UNREACHABLE' };

const AUTH_OR_UNREACHABLE = { code: expect.stringMatching(/^KAFKA_(?:AUTH|UNREACHABLE)$/u) };

const STRANGERS: readonly Stranger[] = [
  ...MECHANISMS.map((mechanism): Stranger => ({
    title: `keeps out who has not, and says so: ${mechanism}`,
    place: 'broker',
    login: () => loginBy(mechanism, 'guessed'),
    refusal: { code: 'KAFKA_AUTH', retryable: false },
  })),
  {
    title: 'keeps out who has no certificate',
    place: 'mutualBroker',
    login: () => ({ tls: { ca: secure.ca } }),
    refusal: AUTH_OR_UNREACHABLE,
  },
  {
    title: 'keeps out who has the certificate of somebody else',
    place: 'mutualBroker',
    login: () => ({ tls: { ca: secure.ca, ...makeClientCertificate('stranger') } }),
    refusal: AUTH_OR_UNREACHABLE,
  },
  {
    title: 'is not talked to with a certificate by somebody whom Node does not know',
    place: 'broker',
    login: () => ({ ...loginBy('plain'), tls: true }),
    refusal: UNREACHABLE,
  },
  {
    title: 'is not talked to with a certificate of which nothing was said',
    place: 'broker',
    login: () => ({ ...loginBy('plain'), tls: undefined }),
    refusal: UNREACHABLE,
  },
];

describe.each(LIBRARIES)('through $name, a broker that speaks TLS', (library) => {
  const clients: KafkaClient[] = [];
  let refusals: ReadonlyMap<Stranger, unknown>;

  // All at once: a client may try for long before it gives up.
  beforeAll(async () => {
    refusals = new Map(await Promise.all(STRANGERS.map(async (one) => [one, await refusalOf(one)] as const)));
  });

  afterAll(async () => {
    await Promise.all(clients.map(async (client) => client.close()));
  });

  function connect(broker: string, login: Login): KafkaClient {
    const client = library.connect({ brokers: [broker], clientId: 'stock', ...login });
    clients.push(client);
    return client;
  }

  async function refusalOf({ place, login }: Stranger): Promise<unknown> {
    const asking = connect(secure[place], login()).partitionCounts(['orders']);
    return asking.then(
      () => 'let in',
      (error: unknown) => error,
    );
  }

  test.each(MECHANISMS)('lets in who trusts its certificate, and has the password: %s', async (mechanism) => {
    const client = connect(secure.broker, loginBy(mechanism));

    expect(await throughAndBack(client)).toEqual(['one']);
  });

  test('lets in who has a certificate that it trusts', async () => {
    const client = connect(secure.mutualBroker, { tls: { ca: secure.ca, ...secure.client } });

    expect(await throughAndBack(client)).toEqual(['one']);
  });

  test.each(STRANGERS)('$title', (stranger) => {
    expect(refusals.get(stranger)).toMatchObject(stranger.refusal);
  });
});

/** Returns what comes back of a record that is sent. */
async function throughAndBack(client: KafkaClient): Promise<readonly unknown[]> {
  const topic = newName('orders');
  await client.createTopics([{ name: topic, partitionCount: 1, replicationFactor: 1 }]);
  await client.send([record(topic, 'a', 'one')]);
  const reader = await KafkaReader.join(client, { groupId: newName('group'), topics: [topic] });
  await reader.until(({ values }) => values.length > 0);
  return reader.values;
}
