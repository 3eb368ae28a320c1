import { expect, test } from '@jest/globals';
import { useBrokers } from './brokers.js';

test('a client that there is not is refused before anybody is asked', async () => {
  const variables = { ATONE_KAFKA_CLIENT: 'librdkafka', ATONE_KAFKA_PREFIX: undefined };

  const using = useBrokers(['127.0.0.1:1'], variables);

  await expect(using).rejects.toThrow(
    "There is no Kafka client 'librdkafka': set ATONE_KAFKA_CLIENT to one of kafkajs, platformatic.",
  );
});
