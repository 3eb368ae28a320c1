import { expect, test } from '@jest/globals';
import {
  connectKafka,
  KAFKA_LIBRARIES,
  KafkaBrokersError,
  KafkaLibraryError,
  type KafkaLibraryName,
} from './index.js';
import { whenInstalled } from './library.error.js';

test.each(KAFKA_LIBRARIES)(
  'a client over %s is made without a broker, and lets go of nothing',
  async (library) => {
    const client = await connectKafka({ brokers: ['127.0.0.1:1'], clientId: 'test' }, library);

    await expect(client.close()).resolves.toBeUndefined();
    await expect(client.send([{ topic: 't', key: 'k', value: '', headers: {} }])).rejects.toMatchObject({
      code: 'KAFKA_CLOSED',
    });
  },
);

test('a client that there is not is refused by its name, also where no compiler looks', async () => {
  const connecting = connectKafka({ brokers: [], clientId: 'test' }, 'librdkafka' as KafkaLibraryName);

  await expect(connecting).rejects.toThrow(
    "There is no Kafka client 'librdkafka': choose one of kafkajs, platformatic.",
  );
});

test('who lacks a library is told to install it', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });

  const loading = whenInstalled('kafkajs', Promise.reject(missing));

  await expect(loading).rejects.toThrow(KafkaLibraryError);
  await expect(loading).rejects.toThrow('kafkajs is not installed: run `npm install kafkajs`.');
});

test.each(['127.0.0.1', 'kafka://one:9092', 'one:99999', 'one:9092,two:9092', ' one:9092'])(
  "the broker '%s' is refused by what it is, whichever library would have got it",
  async (broker) => {
    for (const library of KAFKA_LIBRARIES) {
      const connecting = connectKafka({ brokers: ['one:9092', broker], clientId: 'test' }, library);

      // oxlint-disable-next-line no-await-in-loop -- there are two.
      await expect(connecting).rejects.toThrow(
        `A client of Kafka needs brokers, each of them as host:port, and '${broker}' is none.`,
      );
    }
  },
);

test('no brokers at all are refused as well', async () => {
  const connecting = connectKafka({ brokers: [], clientId: 'test' });

  await expect(connecting).rejects.toThrow(KafkaBrokersError);
});
