import { describeKafkaClient } from './kafka.conformance.js';
import { KafkaReader } from './kafka.reader.js';
import { MemoryKafka } from './memory.kafka.js';

describeKafkaClient('memory', async () => {
  const kafka = new MemoryKafka();
  return {
    connect: () => kafka.client(),
    startDoomedReader: async ({ groupId, topic }) => {
      const client = kafka.client();
      const reader = await KafkaReader.join(client, { groupId, topics: [topic], onBatch: never });
      await reader.until(({ values }) => values.length > 0);
      return { kill: async () => client.kill() };
    },
    close: async () => undefined,
  };
});

async function never(): Promise<void> {
  return new Promise(() => undefined);
}
