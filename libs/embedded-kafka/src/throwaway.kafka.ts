import { startOn, type EmbeddedKafka, type StartKafkaOptions } from './embedded-kafka.js';
import { makeThrowawayFolder, removeStaleFolders, removeThrowawayFolder } from './throwaway.folder.js';

/** What a test may choose about its broker. */
export type ThrowawayKafkaOptions = Omit<StartKafkaOptions, 'dataDir'>;

/**
 * Starts a broker for tests: on a fresh folder, gone with all its data on `stop()`, and also when this process ends in any other
 * way, be it killed. What earlier ones left that could not even clean up is removed.
 *
 * @throws as `startKafka` does
 */
export async function startThrowawayKafka(options: ThrowawayKafkaOptions = {}): Promise<EmbeddedKafka> {
  await removeStaleFolders();
  const dataDir = await makeThrowawayFolder();
  const cleanUp = () => removeThrowawayFolder(dataDir);
  try {
    return await startOn({ ...options, dataDir, cleanUp });
  } catch (cause) {
    await cleanUp();
    throw cause;
  }
}
