import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { alterUserScramCredentialsV0, Connection } from '@platformatic/kafka';

const ITERATIONS = 4_096;

/** As the protocol numbers them. */
const MECHANISMS = {
  'scram-sha-256': { number: 1, digest: 'sha256', bytes: 32 },
  'scram-sha-512': { number: 2, digest: 'sha512', bytes: 64 },
} as const;

export type ScramMechanism = keyof typeof MECHANISMS;

/** Lets a user in by his password, as `kafka-configs.sh --add-config` does. */
export async function addScramUser(
  broker: string,
  user: { readonly name: string; readonly password: string; readonly mechanism: ScramMechanism },
): Promise<void> {
  const { number: mechanism, digest, bytes } = MECHANISMS[user.mechanism];
  const salt = randomBytes(16);
  const saltedPassword = pbkdf2Sync(user.password, salt, ITERATIONS, bytes, digest);
  const [host = '', port] = broker.split(':');
  const connection = new Connection('administrator');
  await connection.connect(host, Number(port));
  const change = { name: user.name, mechanism, iterations: ITERATIONS, salt, saltedPassword };
  await alterUserScramCredentialsV0.api.async(connection, [], [change]);
  await connection.close();
}
