import { access, constants, mkdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeKafka } from '@atone/embedded-kafka';
import { startPostgres } from '@atone/embedded-postgres';
import { QuickstartError } from './quickstart.error.js';
import { codeOf, isAlive } from './system-error.js';

/** What lies where in the folder that `--data` names. */
export interface DataFolder {
  readonly root: string;
  readonly postgres: string;
  readonly kafka: string;
  /** Where the port of our own broker is kept, and the prefix of the topics at those of others. */
  readonly kafkaPort: string;
  readonly kafkaPrefix: string;
  readonly logs: string;
  readonly lock: string;
}

/**
 * Returns the folder at `root`, made if absent.
 *
 * @throws QuickstartError when it cannot be made or written to.
 */
export async function openDataFolder(root: string): Promise<DataFolder> {
  const folder = {
    root,
    postgres: join(root, 'postgres'),
    kafka: join(root, 'kafka'),
    kafkaPort: join(root, 'kafka-port'),
    kafkaPrefix: join(root, 'kafka-prefix'),
    logs: join(root, 'logs'),
    lock: join(root, 'lock'),
  };
  try {
    // PostgreSQL runs as another user where root starts it, and has to pass through.
    await mkdir(root, { recursive: true, mode: 0o711 });
    await access(root, constants.W_OK);
    await mkdir(folder.logs, { recursive: true });
    await access(folder.logs, constants.W_OK);
  } catch (cause) {
    throw new QuickstartError(`${complaintOf(cause, root)} Choose another one with --data <folder>.`, {
      cause,
    });
  }
  return folder;
}

const COMPLAINTS: Readonly<Record<string, string>> = {
  EACCES: 'You may not write to the data folder',
  EPERM: 'You may not write to the data folder',
  // Node says so of a folder that is read-only.
  ENOENT: 'You may not make the data folder',
  EROFS: 'You may not write to the data folder',
  ENOTDIR: 'A file is in the way of the data folder',
  EEXIST: 'A file is in the way of the data folder',
  ENOSPC: 'The disk is full that holds the data folder',
};

function complaintOf(cause: unknown, root: string): string {
  const complaint = COMPLAINTS[codeOf(cause)];
  return complaint === undefined
    ? `The data folder ${root} cannot be used: ${String(cause)}.`
    : `${complaint} ${root}.`;
}

/** How long leftovers of a killed start may keep their database. */
const LEFTOVERS_WAIT_MS = 15_000;

/**
 * Deletes what earlier starts left, and nothing that is not theirs.
 *
 * @throws QuickstartError when somebody still uses the database, or an EmbeddedKafkaError when a broker does not end.
 */
export async function wipe({ postgres, kafka, kafkaPrefix, logs }: DataFolder): Promise<void> {
  // Where PostgreSQL cannot reach the folder, a link leads to the one that stands in for it.
  const home = await realpath(join(postgres, 'elsewhere')).catch(() => postgres);
  await stopLeftover(postgres, join(home, 'cluster', 'postmaster.pid'));
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
  await rm(postgres, { recursive: true, force: true, maxRetries: 5 });
  await removeKafka(kafka);
  // What is left in the topics of others must not be carried out.
  await rm(kafkaPrefix, { force: true });
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
}

async function stopLeftover(postgres: string, pidFile: string): Promise<void> {
  const giveUpAt = Date.now() + LEFTOVERS_WAIT_MS;
  // oxlint-disable no-await-in-loop -- a poll: the server stays for as long as others use it
  while (await isServing(pidFile)) {
    const server = await startPostgres({ dataDir: postgres, durable: true });
    await server.stop();
    if (Date.now() > giveUpAt) {
      throw new QuickstartError(
        `The database in ${postgres} cannot be deleted, because other programs are still connected to it: end them first.`,
      );
    }
    await delay(250);
  }
  // oxlint-enable no-await-in-loop
}

/** A server that was killed leaves its file behind; that needs no stop. */
async function isServing(pidFile: string): Promise<boolean> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return pid > 0 && isAlive(pid);
}
