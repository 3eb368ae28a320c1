import type { KafkaVariables } from '@atone/kafka/connect';
import { expect, test } from '@jest/globals';
import { useBrokers } from './brokers.js';

test.each<[KafkaVariables & Readonly<Record<string, string>>, string]>([
  [{ ATONE_KAFKA_PREFX: 'mine' }, 'There is no ATONE_KAFKA_PREFX: perhaps ATONE_KAFKA_PREFIX was meant.'],
  [{ ATONE_KAFKA_CLIENT: 'librdkafka' }, 'ATONE_KAFKA_CLIENT must be one of kafkajs, platformatic.'],
  [
    { ATONE_KAFKA_SASL_MECHANISM: 'plain' },
    'ATONE_KAFKA_SASL_USERNAME and ATONE_KAFKA_SASL_PASSWORD are missing',
  ],
  [
    { ATONE_KAFKA_TLS_CA_FILE: 'ca.pem' },
    'ATONE_KAFKA_TLS_CA_FILE says nothing without ATONE_KAFKA_TLS=true.',
  ],
])('%j is refused before anybody is asked', async (variables, sentence) => {
  await expect(useBrokers(['127.0.0.1:1'], variables, { kafkaPrefix: '/nowhere/prefix' })).rejects.toThrow(
    sentence,
  );
});
