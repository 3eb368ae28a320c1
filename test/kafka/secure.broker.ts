import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findJava, freePorts, startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { makeClientCertificate, type ClientCertificate } from './client.certificate.js';
import { addScramUser } from './scram.user.js';

const PASSWORD = 'of the keys';

/** What the user `stock` has to know, whichever mechanism it is. */
export const STOCK_PASSWORD = 'known to stock';

/** A broker that speaks TLS, to whoever has a password at one port, and to whoever has a certificate at another. */
export interface SecureBroker {
  /** Where passwords are asked for. */
  readonly broker: string;
  /** Where certificates are. */
  readonly mutualBroker: string;
  /** By which the broker vouches for itself. */
  readonly ca: string;
  /** By which a client is let in at the second port. */
  readonly client: ClientCertificate;
  /** Has a text be a file, for programs that are told of files. */
  keep(name: string, text: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startSecureBroker(): Promise<SecureBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'atone-tls-'));
  const keep = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const keys = join(folder, 'keys.p12');
  const ca = await makeKeys(folder, keys);
  const client = makeClientCertificate('stock');
  const trusted = await keep('clients.pem', client.cert);
  const [port = 0, securePort = 0, mutualPort = 0, controllerPort = 0] = await freePorts(4);
  const places = { broker: `127.0.0.1:${securePort}`, mutualBroker: `127.0.0.1:${mutualPort}` };
  const listeners = `PLAINTEXT://127.0.0.1:${port},SECURE://${places.broker},MUTUAL://${places.mutualBroker}`;
  const kafka = await startThrowawayKafka({
    port,
    settings: {
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT',
      listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': listeners,
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.location': keys,
      'ssl.keystore.password': PASSWORD,
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.mutual.ssl.truststore.type': 'PEM',
      'listener.name.mutual.ssl.truststore.location': trusted,
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_stock="${STOCK_PASSWORD}";`,
      'listener.name.secure.scram-sha-256.sasl.jaas.config': SCRAM_LOGIN,
      'listener.name.secure.scram-sha-512.sasl.jaas.config': SCRAM_LOGIN,
    },
  });
  await letIn(kafka);
  return {
    ...places,
    ca,
    client,
    keep,
    stop: async () => {
      await kafka.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';

async function letIn({ brokers: [broker = ''] }: EmbeddedKafka): Promise<void> {
  for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one change of a user after the other
    await addScramUser(broker, { name: 'stock', password: STOCK_PASSWORD, mechanism });
  }
}

/** Makes a key pair that is good for this machine, and returns its certificate. Java has a program for it. */
async function makeKeys(folder: string, file: string): Promise<string> {
  const keytool = join(dirname((await findJava()).path), 'keytool');
  const store = ['-keystore', file, '-storetype', 'PKCS12', '-storepass', PASSWORD, '-alias', 'broker'];
  const names = ['-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-validity', '2'];
  const run = promisify(execFile);
  await run(keytool, ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', ...store, ...names]);
  const exported = join(folder, 'broker.pem');
  await run(keytool, ['-exportcert', '-rfc', '-file', exported, ...store]);
  return readFile(exported, 'utf8');
}
