import type { KafkaClient, KafkaConnection } from '@atone/kafka';
import { KafkaReader, record } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
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

const MECHANISMS = [['plain'], ['scram-sha-256'], ['scram-sha-512']] as const;

describe.each(LIBRARIES)('through $name, a broker that speaks TLS', (library) => {
  let clients: KafkaClient[] = [];

  afterEach(async () => {
    await Promise.all(clients.map(async (client) => client.close()));
    clients = [];
  });

  function connect(broker: string, login: Login): KafkaClient {
    const client = library.connect({ brokers: [broker], clientId: 'stock', ...login });
    clients.push(client);
    return client;
  }

  function loginBy(mechanism: (typeof MECHANISMS)[number][0], password = STOCK_PASSWORD): Login {
    return { tls: { ca: secure.ca }, sasl: { mechanism, username: 'stock', password } };
  }

  test.each(MECHANISMS)('lets in who trusts its certificate, and has the password: %s', async (mechanism) => {
    const client = connect(secure.broker, loginBy(mechanism));

    expect(await throughAndBack(client)).toEqual(['one']);
  });

  test.each(MECHANISMS)('keeps out who has not, and says so: %s', async (mechanism) => {
    const asking = connect(secure.broker, loginBy(mechanism, 'guessed')).partitionCounts(['orders']);

    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_AUTH', retryable: false });
  });

  test('lets in who has a certificate that it trusts', async () => {
    const client = connect(secure.mutualBroker, { tls: { ca: secure.ca, ...secure.client } });

    expect(await throughAndBack(client)).toEqual(['one']);
  });

  test.each<[string, () => object]>([
    ['no certificate', () => ({})],
    ['the certificate of somebody else', () => makeClientCertificate('stranger')],
  ])('keeps out who has %s', async (_words, shown) => {
    const asking = connect(secure.mutualBroker, { tls: { ca: secure.ca, ...shown() } }).partitionCounts([]);

    await expect(asking).rejects.toMatchObject({
      code: expect.stringMatching(/^KAFKA_(?:AUTH|UNREACHABLE)$/u),
    });
  });

  test.each<[string, KafkaConnection['tls']]>([
    ['by somebody whom Node does not know', true],
    ['of which nothing was said', undefined],
  ])('is not talked to with a certificate %s', async (_words, tls) => {
    const asking = connect(secure.broker, { ...loginBy('plain'), tls }).partitionCounts(['orders']);

    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE' });
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
