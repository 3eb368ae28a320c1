import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Enters into package-lock.json the optional binaries that npm has left out. It does so where the registry it was run
 * with does not have those of some platforms, and `npm ci` then refuses the file everywhere.
 *
 * Such an entry has a version and no digest: who runs that platform gets what the registry gives, as `npm install` would.
 */

const PATH = join(fileURLToPath(new URL('..', import.meta.url)), 'package-lock.json');

const PLATFORM =
  /[/-](?<os>android|darwin|freebsd|linux|openharmony|win32)-(?<cpu>arm64|arm|x64|ia32|loong64|ppc64|riscv64|s390x)(?:-(?<abi>\w+))?$/u;

/** Returns the optional dependencies that some package of the lockfile names, and that it has no entry for. */
export function missingBinaries({ packages }) {
  const present = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  return Object.values(packages).flatMap((parent) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !present.has(name))
      .map(([name, version]) => ({ name, version, parent })),
  );
}

/** Returns the lockfile with an entry for each of them. @throws Error for one whose name does not tell its platform. */
export function completed(lock) {
  const missing = missingBinaries(lock).map((binary) => [
    `node_modules/${binary.name}`,
    entryOf(lock, binary),
  ]);
  const sorted = [...Object.entries(lock.packages), ...missing].toSorted(([left], [right]) =>
    left.localeCompare(right, 'en'),
  );
  return { ...lock, packages: Object.fromEntries(sorted) };
}

/** What its name does not tell is as with those of the same package that are there. */
function entryOf({ packages }, { name, version, parent }) {
  const { os, cpu, abi = '' } = PLATFORM.exec(name)?.groups ?? {};
  if (os === undefined) throw new Error(`The platform of the optional package ${name} cannot be told.`);
  const siblings = Object.keys(parent.optionalDependencies).map((each) => packages[`node_modules/${each}`]);
  const { license = parent.license, engines } = siblings.find((each) => each !== undefined) ?? {};
  const hasLibc = os === 'linux' && siblings.some((each) => each?.libc !== undefined);
  return {
    version,
    cpu: [cpu],
    ...(parent.dev && { dev: true }),
    ...(hasLibc && { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] }),
    license,
    optional: true,
    os: [os],
    ...(engines && { engines }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(PATH, 'utf8'));
  writeFileSync(PATH, `${JSON.stringify(completed(lock), undefined, 2)}\n`);
}
