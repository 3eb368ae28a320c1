import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { until } from '../harness/until.js';
import { LIBRARIES } from './kafka.worlds.js';
import { startSecureBroker, STOCK_PASSWORD, type SecureBroker } from './secure.broker.js';

const PATIENCE_MS = 60_000;

let secure: SecureBroker;
let ca: string;

beforeAll(async () => {
  secure = await startSecureBroker();
  ca = await secure.keep('ca.pem', secure.ca);
});

afterAll(async () => {
  await secure.stop();
});

describe.each(LIBRARIES)('a coordinator that is told by variables who it is, by $name,', ({ name }) => {
  let database: TestDatabase;
  let coordinator: CoordinatorProcess | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await coordinator?.kill();
    coordinator = undefined;
    await database.drop();
  });

  test('logs in with a password', async () => {
    coordinator = await start(withPassword(STOCK_PASSWORD));

    await readsReplies(coordinator);
    expect(await isReady(coordinator)).toBe(true);
  });

  test('logs in with a certificate', async () => {
    coordinator = await start({
      ATONE_KAFKA_BROKERS: secure.mutualBroker,
      ATONE_KAFKA_TLS_CERT_FILE: await secure.keep('client.pem', secure.client.cert),
      ATONE_KAFKA_TLS_KEY_FILE: await secure.keep('client.key', secure.client.key),
    });

    await readsReplies(coordinator);
    expect(await isReady(coordinator)).toBe(true);
  });

  test('does not start where its password is refused, and says so', async () => {
    const starting = start(withPassword('guessed'));

    await expect(starting).rejects.toThrow(
      /Kafka at 127\.0\.0\.1:\d+ does not let us in: .*ATONE_KAFKA_SASL_PASSWORD/u,
    );
  });

  async function start(own: Readonly<Record<string, string>>): Promise<CoordinatorProcess> {
    return CoordinatorProcess.start(database.url, {
      ATONE_KAFKA_CLIENT: name,
      ATONE_KAFKA_PARTITIONS: '1',
      ATONE_KAFKA_TLS: 'true',
      ATONE_KAFKA_TLS_CA_FILE: ca,
      ...own,
    });
  }
});

function withPassword(password: string): Readonly<Record<string, string>> {
  return {
    ATONE_KAFKA_BROKERS: secure.broker,
    ATONE_KAFKA_SASL_MECHANISM: 'scram-sha-512',
    ATONE_KAFKA_SASL_USERNAME: 'stock',
    ATONE_KAFKA_SASL_PASSWORD: password,
  };
}

async function readsReplies({ url }: CoordinatorProcess): Promise<void> {
  await until(
    'the coordinator reads the replies',
    async () => {
      const answer = await fetch(`${url}/v1/instances`);
      const { instances } = (await answer.json()) as { instances: readonly { replyPartitions?: unknown }[] };
      return JSON.stringify(instances[0]?.replyPartitions) === '[0]';
    },
    PATIENCE_MS,
  );
}

async function isReady({ url }: CoordinatorProcess): Promise<boolean> {
  const { ok } = await fetch(`${url}/health/ready`);
  return ok;
}
