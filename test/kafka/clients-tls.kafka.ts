import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findJava, freePorts, startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import type { KafkaClient, KafkaConnection } from '@atone/kafka';
import { KafkaReader, record } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newName } from './kafka.client.js';
import { LIBRARIES } from './kafka.worlds.js';

const PASSWORD = 'of the keys';

let folder: string;
/** Of the broker, which vouches for itself. */
let certificate: string;
let kafka: EmbeddedKafka;
let broker: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atone-tls-'));
  const keys = join(folder, 'keys.p12');
  certificate = await makeKeys(keys);
  const [port = 0, securePort = 0, controllerPort = 0] = await freePorts(3);
  broker = `127.0.0.1:${securePort}`;
  kafka = await startThrowawayKafka({
    port,
    settings: {
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT',
      listeners: `PLAINTEXT://127.0.0.1:${port},SECURE://${broker},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURE://${broker}`,
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.location': keys,
      'ssl.keystore.password': PASSWORD,
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.secure.plain.sasl.jaas.config':
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_stock="known to stock";',
    },
  });
});

afterAll(async () => {
  await kafka.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Makes a key pair that is good for this machine, and returns its certificate. Java has a program for it. */
async function makeKeys(file: string): Promise<string> {
  const keytool = join(dirname((await findJava()).path), 'keytool');
  const store = ['-keystore', file, '-storetype', 'PKCS12', '-storepass', PASSWORD, '-alias', 'broker'];
  const names = ['-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-validity', '2'];
  const run = promisify(execFile);
  await run(keytool, ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', ...store, ...names]);
  const exported = join(folder, 'broker.pem');
  await run(keytool, ['-exportcert', '-rfc', '-file', exported, ...store]);
  return readFile(exported, 'utf8');
}

describe.each(LIBRARIES)('through $name, a broker that speaks TLS', (library) => {
  let clients: KafkaClient[] = [];

  afterEach(async () => {
    await Promise.all(clients.map(async (client) => client.close()));
    clients = [];
  });

  function connect(tls: KafkaConnection['tls']): KafkaClient {
    const sasl = { mechanism: 'plain', username: 'stock', password: 'known to stock' } as const;
    const client = library.connect({ brokers: [broker], clientId: 'stock', tls, sasl });
    clients.push(client);
    return client;
  }

  test('lets in who trusts its certificate, and has the password', async () => {
    const [client, topic] = [connect({ ca: certificate }), newName('orders')];
    await client.createTopics([{ name: topic, partitionCount: 1, replicationFactor: 1 }]);

    await client.send([record(topic, 'a', 'one')]);

    const reader = await KafkaReader.join(client, { groupId: newName('group'), topics: [topic] });
    await reader.until(({ values }) => values.length > 0);
    expect(reader.values).toEqual(['one']);
  });

  test.each<[string, KafkaConnection['tls']]>([
    ['by somebody whom Node does not know', true],
    ['of which nothing was said', undefined],
  ])('is not talked to with a certificate %s', async (_words, tls) => {
    const asking = connect(tls).partitionCounts(['orders']);

    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE' });
  });
});
