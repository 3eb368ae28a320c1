import { describe, expect, test } from '@jest/globals';
import { kafkaFromEnvironment, KafkaVariableError, type KafkaVariables } from './index.js';

const BROKERS = { ATONE_KAFKA_BROKERS: 'one:9092,two.example:9093' };

describe('what variables say of Kafka', () => {
  test('is nothing without brokers', () => {
    expect(kafkaFromEnvironment({})).toBeUndefined();
    expect(kafkaFromEnvironment({ ATONE_KAFKA_BROKERS: '', ATONE_KAFKA_PREFIX: '' })).toBeUndefined();
  });

  test('needs no more than brokers', () => {
    expect(kafkaFromEnvironment(BROKERS)).toEqual({
      connection: { brokers: ['one:9092', 'two.example:9093'] },
      library: 'kafkajs',
      prefix: 'atone',
      partitionCount: 12,
      replicationFactor: -1,
    });
  });

  test('takes spaces beside the commas between brokers, as people write them', () => {
    const read = kafkaFromEnvironment({ ATONE_KAFKA_BROKERS: ' one:9092, two.example:9093 ' });

    expect(read?.connection.brokers).toEqual(['one:9092', 'two.example:9093']);
  });

  test('may be all that there is to say', () => {
    const variables = {
      ...BROKERS,
      ATONE_KAFKA_CLIENT: 'platformatic',
      ATONE_KAFKA_PREFIX: 'shop',
      ATONE_KAFKA_TLS: 'true',
      ATONE_KAFKA_SASL_MECHANISM: 'scram-sha-512',
      ATONE_KAFKA_SASL_USERNAME: 'stock',
      ATONE_KAFKA_SASL_PASSWORD: 'hunter2',
      ATONE_KAFKA_PARTITIONS: '3',
      ATONE_KAFKA_REPLICATION: '2',
    };

    expect(kafkaFromEnvironment(variables)).toEqual({
      connection: {
        brokers: ['one:9092', 'two.example:9093'],
        tls: true,
        sasl: { mechanism: 'scram-sha-512', username: 'stock', password: 'hunter2' },
      },
      library: 'platformatic',
      prefix: 'shop',
      partitionCount: 3,
      replicationFactor: 2,
    });
  });

  test('is nothing where their brokers are misspelt, which is said', () => {
    const variables: object = { ATONE_KAFKA_BROKER: 'one:9092' };

    expect(() => kafkaFromEnvironment(variables)).toThrow(
      'There is no ATONE_KAFKA_BROKER: perhaps ATONE_KAFKA_BROKERS was meant.',
    );
  });

  test.each([
    ['ATONE_KAFKA_PREFX', 'perhaps ATONE_KAFKA_PREFIX was meant.'],
    ['ATONE_KAFKA_CLEINT', 'perhaps ATONE_KAFKA_CLIENT was meant.'],
    ['ATONE_KAFKA_TLS_CAFILE', 'perhaps ATONE_KAFKA_TLS_CA_FILE was meant.'],
    ['ATONE_KAFKA_SASL_MECHANISMS', 'perhaps ATONE_KAFKA_SASL_MECHANISM was meant.'],
    ['ATONE_KAFKA_GROUP', 'there are ATONE_KAFKA_BROKERS, ATONE_KAFKA_CLIENT, '],
  ])('is refused with a variable %s that nobody would read', (name, hint) => {
    const variables = { ...BROKERS, [name]: 'x' };

    expect(() => kafkaFromEnvironment(variables)).toThrow(KafkaVariableError);
    expect(() => kafkaFromEnvironment(variables)).toThrow(`There is no ${name}: ${hint}`);
    expect(kafkaFromEnvironment({ ...variables, [name]: '' })).toMatchObject({ prefix: 'atone' });
  });

  test('is not refused for what the coordinator alone reads', () => {
    const variables = { ...BROKERS, ATONE_KAFKA_CREATE_TOPICS: 'false' };

    expect(kafkaFromEnvironment(variables)).toMatchObject({ prefix: 'atone' });
  });

  test.each<[KafkaVariables, string]>([
    [{ ATONE_KAFKA_BROKERS: 'one' }, 'ATONE_KAFKA_BROKERS must be host:port, or several'],
    [{ ATONE_KAFKA_BROKERS: 'one:9092, ' }, 'ATONE_KAFKA_BROKERS must be host:port, or several'],
    [{ ATONE_KAFKA_BROKERS: 'one:9092 two:9092' }, 'ATONE_KAFKA_BROKERS must be host:port, or several'],
    [{ ATONE_KAFKA_BROKERS: 'kafka://one:9092' }, 'ATONE_KAFKA_BROKERS must be host:port, or several'],
    [{ ATONE_KAFKA_BROKERS: 'one:99999' }, 'ATONE_KAFKA_BROKERS must be host:port, with ports up to 65535.'],
    [{ ATONE_KAFKA_BROKERS: '', ATONE_KAFKA_PREFIX: 'shop' }, 'ATONE_KAFKA_PREFIX says nothing without'],
    [{ ATONE_KAFKA_PREFIX: 'a/b' }, 'ATONE_KAFKA_PREFIX must consist of up to 64 letters'],
    [{ ATONE_KAFKA_PREFIX: 'shop.' }, 'and end in no dot.'],
    [{ ATONE_KAFKA_TLS: 'yes' }, 'ATONE_KAFKA_TLS must be true or false.'],
    [
      { ATONE_KAFKA_SASL_PASSWORD: 'hunter2' },
      'ATONE_KAFKA_SASL_MECHANISM and ATONE_KAFKA_SASL_USERNAME are',
    ],
    [{ ATONE_KAFKA_PARTITIONS: '0' }, 'ATONE_KAFKA_PARTITIONS must be a whole number from 1 to 10000.'],
  ])('is refused as %j', (variables, sentence) => {
    const read = (): unknown => kafkaFromEnvironment({ ...BROKERS, ...variables });

    expect(read).toThrow(KafkaVariableError);
    expect(read).toThrow(sentence);
    expect(read).toThrow(/^(?!.*hunter2)[^\n]+\.$/u);
  });
});
