import { register } from 'node:module';

/*
 * A program that takes messages as a NestJS service does, says when it has given one to its handler, and never ends with that: it waits
 * to be killed.
 */

register('../../tools/typescript.loader.mjs', import.meta.url);
const [brokers, groupId, topic] = process.argv.slice(2);
const { kafkajsClient } = await import('@atone/kafka/kafkajs');
const { AtoneKafkaServer } = await import('@atone/nestjs/kafka');
const client = kafkajsClient({ brokers: brokers.split(','), clientId: 'doomed' });
const server = new AtoneKafkaServer({
  client,
  groupId,
  createTopics: { partitionCount: 1, replicationFactor: 1 },
});
server.addHandler(
  topic,
  async () => {
    process.stdout.write('begun\n');
    await new Promise(() => undefined);
  },
  true,
);
await server.listen((error) => {
  if (error !== undefined) throw error;
});
