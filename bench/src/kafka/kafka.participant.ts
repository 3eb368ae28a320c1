import { connectKafka, type KafkaLibraryName } from '@atone/kafka/connect';
import { createParticipant } from '@atone/participant';
import { startKafkaCommands } from '@atone/participant/kafka';
import { benchContract } from '../led/led.contract.js';
import { createPassThrough, NO_DATABASE } from '../led/pass-through.barrier.js';

/*
 * A participant over Kafka: the library, over a handler that does nothing and a barrier that keeps nothing. Started as a process of
 * its own.
 */

export interface KafkaParticipantSettings {
  readonly library: KafkaLibraryName;
  readonly brokers: readonly string[];
  readonly prefix: string;
}

const doNothing = (): Promise<void> => Promise.resolve();
const { library, brokers, prefix } = JSON.parse(process.argv[2] ?? '') as KafkaParticipantSettings;
const client = await connectKafka({ brokers, clientId: 'bench-participant' }, library);
const participant = createParticipant({
  service: 'bench',
  database: NO_DATABASE,
  barrier: createPassThrough(),
  handlers: [{ contract: benchContract.work, run: () => Promise.resolve(null), compensate: doNothing }],
});
const commands = await startKafkaCommands({
  participant,
  client,
  prefix,
  createTopics: { partitionCount: 12, replicationFactor: 1 },
});
process.once('SIGTERM', () => void leave());
process.once('disconnect', () => process.exit(0));
process.send?.('taking commands');

/** Hands its partitions over, as a service does that is stopped. */
async function leave(): Promise<void> {
  await commands.close();
  await client.close();
  // By an exit of its own, or it would leave no CPU profile.
  process.exit(0);
}
