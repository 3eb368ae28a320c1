import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REACHABLE_PARENT } from './data-folder.js';
import { mayServe, readPostmasterPid } from './postmaster-pid.file.js';
import { canEnter, serverUser } from './server-user.js';

const PREFIX = 'atone-throwaway-';

/** As `mkdtemp` completes it. Nobody else names a folder so: what users name is never touched. */
const NAME = new RegExp(`^${PREFIX}[A-Za-z0-9]{6}$`, 'u');

/** Far longer than a server takes to come up, before which nothing shows that it is alive. */
const YOUNG_MS = 10 * 60_000;

/** Makes a folder for a throw-away server, where the server's account can reach it. */
export async function makeThrowawayFolder(): Promise<string> {
  const [usual, other] = PARENTS;
  const isReachable = await canEnter(await realpath(usual()), serverUser());
  const parent = isReachable ? usual() : other();
  if (!isReachable) {
    await mkdir(parent, { recursive: true, mode: 0o711 });
  }
  const folder = await mkdtemp(join(parent, PREFIX));
  // The server's account must be able to pass through.
  await chmod(folder, 0o711);
  return folder;
}

/** Removes the folder of a server that is gone. Its processes may still write there for a moment, hence the retries. */
export async function removeThrowawayFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/**
 * Removes what throw-away servers have left that ended together with all that would have cleaned up, as with a container.
 *
 * A folder is left alone where it is not ours, is named otherwise, is young, or has a server that is alive. Never fails:
 * leftovers are no reason not to start.
 */
export async function removeStaleFolders(
  parents: readonly string[] = PARENTS.map((of) => of()),
): Promise<void> {
  await Promise.all(parents.map((parent) => removeStaleIn(parent).catch(() => undefined)));
}

const PARENTS = [() => tmpdir(), () => REACHABLE_PARENT] as const;

async function removeStaleIn(parent: string): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true });
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
  if (uid !== process.getuid?.() || Date.now() - mtimeMs < YOUNG_MS) {
    return false;
  }
  const cluster = join(folder, 'cluster');
  const written = await readPostmasterPid(cluster);
  return written === undefined || !(await mayServe(written.pid, cluster));
}
