import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Binaries } from './binaries.locator.js';
import { NoDiskSpaceError, ServerStartError, WrongMajorVersionError } from './embedded-postgres.error.js';
import { isAlive } from './postmaster-pid.file.js';
import { runProgram } from './program.run.js';
import { canEnter } from './server-user.js';
import type { ServerUser } from './server-user.js';
import { startupError } from './startup-failure.js';
import { hasCode } from './system-error.js';

/**
 * The superuser of every server that we start. Not `atone`: a role of that name would look for its tables in the
 * schema `atone` first, where Atone keeps its own.
 */
export const SUPERUSER = 'postgres';

/** Where the data live if the server's account cannot reach the folder that was asked for. */
export const REACHABLE_PARENT = '/var/lib/atone-postgres';

/** What lies in a data folder. */
export interface DataFolder {
  /** The folder that holds all the rest. */
  readonly root: string;
  /** PostgreSQL's own data directory. */
  readonly cluster: string;
  readonly socket: string;
  readonly log: string;
  readonly password: string;
}

export interface DataFolderPlan {
  readonly dataDir: string;
  readonly user: ServerUser | undefined;
  readonly binaries: Binaries;
  readonly durable: boolean;
  readonly log: (line: string) => void;
}

/**
 * Returns the data folder, made ready for a server: an initialised cluster, its password, a place for
 * its socket. What a crash left half-done is done again.
 *
 * @throws WrongMajorVersionError, NoDiskSpaceError, ServerStartError
 */
export async function openDataFolder(plan: DataFolderPlan): Promise<DataFolder> {
  try {
    return await open(plan);
  } catch (cause) {
    if (!hasCode(cause, 'ENOSPC')) throw cause;
    throw new NoDiskSpaceError(plan.dataDir, { cause });
  }
}

async function open(plan: DataFolderPlan): Promise<DataFolder> {
  const root = await reachableFolder(plan);
  const cluster = join(root, 'cluster');
  const found = await majorOf(cluster);
  if (found !== undefined && found !== plan.binaries.major) {
    throw new WrongMajorVersionError(root, found, plan.binaries.major);
  }
  const password = await readOrMakePassword(root, { user: plan.user, isNew: found === undefined });
  if (found === undefined) await initialise(root, plan);
  const socket = join(root, 'socket');
  await mkdir(socket, { recursive: true });
  await giveTo(plan.user, socket, 0o700);
  return { root, cluster, socket, password, log: join(root, 'server.log') };
}

/**
 * Returns `dataDir`, or the folder that stands in for it when a private folder above it keeps the
 * server's account out; a link named `elsewhere` in `dataDir` leads there.
 */
async function reachableFolder({ dataDir, user, log }: DataFolderPlan): Promise<string> {
  const isNew = (await mkdir(dataDir, { recursive: true })) !== undefined;
  const asked = await realpath(resolve(dataDir));
  if (isNew && user !== undefined) await chmod(asked, 0o711);
  const elsewhere = join(asked, 'elsewhere');
  const known = await realpath(elsewhere).catch(() => undefined);
  if (known !== undefined) return known;
  if (await canEnter(asked, user)) return asked;

  await mkdir(REACHABLE_PARENT, { recursive: true });
  await chmod(REACHABLE_PARENT, 0o711);
  const standIn = await mkdtemp(join(REACHABLE_PARENT, 'data-'));
  await chmod(standIn, 0o711);
  await rm(elsewhere, { force: true });
  await symlink(standIn, elsewhere);
  log(`PostgreSQL cannot run as root, and other accounts cannot reach ${asked}: its data are in ${standIn}.`);
  return standIn;
}

async function majorOf(cluster: string): Promise<string | undefined> {
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch((cause: unknown) => {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw cause;
  });
  return version?.trim();
}

/** Any account of the machine can reach 127.0.0.1, so only a secret keeps the others out. */
async function readOrMakePassword(
  root: string,
  { user, isNew }: { readonly user: ServerUser | undefined; readonly isNew: boolean },
): Promise<string> {
  const path = passwordPath(root);
  if (isNew) await makePassword(path, user);
  const password = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ServerStartError(root, `the file with its password, ${path}, cannot be read.`, { cause });
  });
  return password.trim();
}

async function makePassword(path: string, user: ServerUser | undefined): Promise<void> {
  const draft = `${path}-${process.pid}`;
  await writeFile(draft, randomBytes(24).toString('base64url'), { mode: 0o600 });
  await giveTo(user, draft, 0o600);
  // A link fails where a rename would replace the password of a launcher that was faster.
  await link(draft, path).catch((cause: unknown) => {
    if (!hasCode(cause, 'EEXIST')) throw cause;
  });
  await rm(draft);
}

/**
 * Initialises the cluster beside its place and then renames it, so that `cluster` is whole or absent
 * whenever a crash comes.
 */
async function initialise(root: string, plan: DataFolderPlan): Promise<void> {
  await removeDrafts(root);
  plan.log(`Initialising PostgreSQL ${plan.binaries.version} in ${root}.`);
  const draft = join(root, `initdb-${process.pid}`);
  await mkdir(draft);
  await giveTo(plan.user, draft, 0o700);
  try {
    await runInitdb(draft, root, plan);
    await rename(draft, join(root, 'cluster'));
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    // Another launcher was faster: its cluster has the same password as ours.
    if ((await majorOf(join(root, 'cluster'))) === undefined) throw cause;
  }
}

async function runInitdb(draft: string, root: string, plan: DataFolderPlan): Promise<void> {
  const args = [
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordPath(root)}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(plan.durable ? [] : ['--no-sync']),
  ];
  const { exitCode, output } = await runProgram(plan.binaries.initdb, args, plan.user);
  if (exitCode !== 0) throw startupError(output, { folder: root, port: 0 });
}

async function removeDrafts(root: string): Promise<void> {
  const entries = await readdir(root);
  const left = entries.filter((entry) => {
    const pid = /^initdb-(\d+)$/.exec(entry)?.[1];
    return pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)));
  });
  await Promise.all(left.map((entry) => rm(join(root, entry), { recursive: true, force: true })));
}

async function giveTo(user: ServerUser | undefined, path: string, mode: number): Promise<void> {
  await chmod(path, mode);
  if (user !== undefined) await chown(path, user.uid, user.gid);
}

function passwordPath(root: string): string {
  return join(root, 'password');
}
