import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { hasCode } from './system-error.js';

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Makes the links between libraries which npm packages cannot contain. The package's own install script
 * would do it, but install scripts are often switched off.
 *
 * @returns false if the folder cannot be written to.
 */
export async function recreateLinks(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  // The list names its files from the package's folder, one above.
  const root = dirname(native);
  const links: readonly Link[] = JSON.parse(list);
  const made = await Promise.all(links.map((link) => makeLink(root, link)));
  return made.every(Boolean);
}

async function makeLink(root: string, { source, target }: Link): Promise<boolean> {
  try {
    await symlink(relative(dirname(target), source), join(root, target));
    return true;
  } catch (cause) {
    return hasCode(cause, 'EEXIST');
  }
}

/**
 * Copies a package's `native` folder to where every account may read it, once for each package.
 *
 * @returns undefined if there is nothing to copy.
 */
export async function copyToCache(native: string, cache = cacheFolder()): Promise<string | undefined> {
  const built = await stat(join(native, 'bin', 'postgres')).catch(() => undefined);
  if (built === undefined) return undefined;
  const key = createHash('sha256')
    .update(`${native} ${built.size} ${built.mtimeMs}`)
    .digest('hex')
    .slice(0, 12);
  await mkdir(cache, { recursive: true });
  await chmod(cache, 0o755);
  const copy = join(cache, key, 'native');
  if (!(await exists(copy))) await copyWhole(native, copy);
  return copy;
}

async function copyWhole(native: string, copy: string): Promise<void> {
  const cache = dirname(dirname(copy));
  const draft = await mkdtemp(join(cache, 'draft-'));
  try {
    await cp(native, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await recreateLinks(join(draft, 'native'));
    await makeReadable(draft);
    // Whole or not at all: a copy that a crash cut short must never be run.
    await rename(draft, dirname(copy));
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(copy))) throw cause;
  }
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const entries = await readdir(folder, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await makeReadable(path);
      else if (entry.isFile()) await chmod(path, 0o644 | ((await stat(path)).mode & 0o111 ? 0o111 : 0));
    }),
  );
}

/** A folder where nobody but us can write: programs that are run from a shared one could be swapped. */
function cacheFolder(): string {
  const isRoot = process.getuid?.() === 0;
  const own = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(isRoot ? '/var/cache' : own, 'atone-postgres');
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
