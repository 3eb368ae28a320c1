import { expect, test } from '@jest/globals';
import { connectKafka, KAFKA_LIBRARIES } from './index.js';

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
