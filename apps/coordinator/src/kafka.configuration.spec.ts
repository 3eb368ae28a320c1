import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfiguration } from './configuration.js';
import { StartError } from './start.error.js';

const NEEDED = { ATONE_DATABASE_URL: 'postgres://localhost/atone' };
const KAFKA = { ...NEEDED, ATONE_KAFKA_BROKERS: 'one:9092,two.example:9093' };

describe('the configuration of Kafka', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atone-tls-'));
    for (const name of ['ca', 'cert', 'key']) {
      writeFileSync(join(folder, name), `the ${name}`);
    }
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('needs nothing but brokers', () => {
    expect(readConfiguration(KAFKA).kafka).toEqual({
      connection: { brokers: ['one:9092', 'two.example:9093'], tls: undefined, sasl: undefined },
      library: 'kafkajs',
      prefix: 'atone',
      createsTopics: true,
      partitionCount: 12,
      replicationFactor: -1,
      preferred: 'kafka',
    });
  });

  test('is none without brokers, whichever way is preferred', () => {
    expect(readConfiguration({ ...NEEDED, ATONE_PREFERRED_TRANSPORT: 'kafka' }).kafka).toBeUndefined();
  });

  test('holds what the files of TLS hold, and how to log in', () => {
    const { kafka } = readConfiguration({
      ...KAFKA,
      ATONE_KAFKA_TLS: 'true',
      ATONE_KAFKA_TLS_CA_FILE: join(folder, 'ca'),
      ATONE_KAFKA_TLS_CERT_FILE: join(folder, 'cert'),
      ATONE_KAFKA_TLS_KEY_FILE: join(folder, 'key'),
      ATONE_KAFKA_SASL_MECHANISM: 'scram-sha-512',
      ATONE_KAFKA_SASL_USERNAME: 'atone',
      ATONE_KAFKA_SASL_PASSWORD: 'hunter2',
    });

    expect(kafka?.connection).toMatchObject({
      tls: { ca: 'the ca', cert: 'the cert', key: 'the key' },
      sasl: { mechanism: 'scram-sha-512', username: 'atone', password: 'hunter2' },
    });
  });

  test('trusts whom Node knows where TLS is all that is said', () => {
    expect(readConfiguration({ ...KAFKA, ATONE_KAFKA_TLS: 'true' }).kafka?.connection.tls).toBe(true);
  });

  test.each([
    [{ ATONE_KAFKA_BROKERS: 'one' }, 'ATONE_KAFKA_BROKERS must be host:port'],
    [{ ATONE_KAFKA_BROKERS: 'one:9092 two:9092' }, 'ATONE_KAFKA_BROKERS must be host:port'],
    [{ ATONE_KAFKA_BROKERS: 'kafka://one:9092' }, 'ATONE_KAFKA_BROKERS must be host:port'],
    [{ ATONE_KAFKA_BROKERS: 'one:99999' }, 'ATONE_KAFKA_BROKERS must be host:port, with ports up to 65535'],
    [{ ATONE_KAFKA_CLIENT: 'node-rdkafka' }, 'ATONE_KAFKA_CLIENT must be one of kafkajs, platformatic'],
    [{ ATONE_KAFKA_PREFIX: 'a/b' }, 'ATONE_KAFKA_PREFIX must consist of up to 64 letters'],
    [{ ATONE_KAFKA_PREFIX: 'shop.' }, 'and end in no dot'],
    [{ ATONE_KAFKA_PARTITIONS: '0' }, 'ATONE_KAFKA_PARTITIONS must be a whole number from 1'],
    [{ ATONE_KAFKA_REPLICATION: '-1' }, 'ATONE_KAFKA_REPLICATION must be a whole number from 1'],
    [{ ATONE_KAFKA_CREATE_TOPICS: 'no' }, 'ATONE_KAFKA_CREATE_TOPICS must be true or false'],
    [
      { ATONE_KAFKA_SASL_MECHANISM: 'gssapi' },
      'ATONE_KAFKA_SASL_MECHANISM must be one of plain, scram-sha-256',
    ],
    [
      { ATONE_KAFKA_SASL_USERNAME: 'a', ATONE_KAFKA_SASL_PASSWORD: 'b' },
      'ATONE_KAFKA_SASL_MECHANISM is missing',
    ],
    [
      { ATONE_KAFKA_SASL_MECHANISM: 'plain' },
      'ATONE_KAFKA_SASL_USERNAME and ATONE_KAFKA_SASL_PASSWORD are missing',
    ],
    [{ ATONE_KAFKA_TLS_CA_FILE: '/ca' }, 'ATONE_KAFKA_TLS_CA_FILE says nothing without ATONE_KAFKA_TLS=true'],
    [
      { ATONE_KAFKA_TLS: 'true', ATONE_KAFKA_TLS_CA_FILE: '/nowhere/ca.pem' },
      'ATONE_KAFKA_TLS_CA_FILE names a file that cannot be read: ENOENT',
    ],
    [{ ATONE_KAFKA_TLS: 'true', ATONE_KAFKA_TLS_CERT_FILE: '/cert' }, 'belong together: set both, or none'],
    [{ ATONE_PREFERRED_TRANSPORT: 'pigeon' }, 'ATONE_PREFERRED_TRANSPORT must be one of kafka, http'],
    [
      { ATONE_KAFKA_BROKERS: '', ATONE_KAFKA_PREFIX: 'shop' },
      'ATONE_KAFKA_PREFIX says nothing without ATONE_KAFKA_BROKERS',
    ],
  ])('%j is refused in one sentence', (variables, sentence) => {
    const read = (): unknown => readConfiguration({ ...KAFKA, ...variables });

    expect(read).toThrow(StartError);
    expect(read).toThrow(sentence);
    expect(read).toThrow(/^[^\n]+\.$/u);
  });

  test('never repeats a password', () => {
    const variables = { ...KAFKA, ATONE_KAFKA_SASL_PASSWORD: 'hunter2' };

    expect(() => readConfiguration(variables)).toThrow(/^(?!.*hunter2)/u);
  });
});
