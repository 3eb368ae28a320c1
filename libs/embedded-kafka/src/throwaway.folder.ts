import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servingProcess } from './kafka.folder.js';

const PREFIX = 'atone-kafka-';

/** As `mkdtemp` completes it. Nobody else names a folder so: what users name is never touched. */
const NAME = new RegExp(`^${PREFIX}[A-Za-z0-9]{6}$`, 'u');

/** Far longer than it takes to fetch Kafka and start a broker, before which nothing shows that the folder is in use. */
const YOUNG_MS = 60 * 60_000;

/** Makes a folder for a throw-away broker. */
export function makeThrowawayFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), PREFIX));
}

/** Removes the folder of a broker that is gone. */
export async function removeThrowawayFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/**
 * Removes what throw-away brokers have left that ended together with all that would have cleaned up, as with a container.
 *
 * A folder is left alone where it is not ours, is named otherwise, is young, or has a broker that is alive. Never fails: leftovers
 * are no reason not to start.
 */
export async function removeStaleFolders(parent = tmpdir()): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  const candidates = entries.filter((entry) => entry.isDirectory() && NAME.test(entry.name));
  await Promise.all(
    candidates.map(async ({ name }) => {
      const folder = join(parent, name);
      if (await isStale(folder).catch(() => false)) {
        await removeThrowawayFolder(folder).catch(() => undefined);
      }
    }),
  );
}

async function isStale(folder: string): Promise<boolean> {
  const { uid, mtimeMs } = await stat(folder);
  const isOld = Date.now() - mtimeMs > YOUNG_MS;
  return uid === process.getuid?.() && isOld && (await servingProcess(folder)) === undefined;
}
