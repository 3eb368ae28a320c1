import { register } from 'node:module';

/*
 * A program that reads from Kafka, says when it has got its first batch, and never ends with that: it waits to be killed.
 */

register('../../tools/typescript.loader.mjs', import.meta.url);
const [library, brokers, groupId, topic] = process.argv.slice(2);
const module = await import(`../../libs/kafka/src/${library}/index.ts`);
const client = module[`${library}Client`]({ brokers: brokers.split(','), clientId: 'doomed' });
await client.subscribe({
  groupId,
  topics: [topic],
  from: 'earliest',
  onBatch: async () => {
    process.stdout.write('begun\n');
    await new Promise(() => undefined);
  },
});
