import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Puts together what a program of this repository runs from, and nothing else: the compiled packages that it needs, and theirs.
 * That is what its image holds. Not `npm ci --omit=dev`: a workspace brings along what its tests need, and so a whole PostgreSQL.
 *
 *   node tools/image.mjs apps/coordinator /image
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Of what is compiled, what only tests and compilers read. */
const UNUSED = /\.(?:spec\.[^/]*|d\.[cm]?ts|map|tsbuildinfo)$|[/\\]dist[/\\]testing(?:[/\\]|$)/u;

/** What packages publish, and no program reads. */
const UNREAD = /\.(?:d\.[cm]?ts|map|md|markdown)$/iu;

/** Returns the folders of the packages that the one at `start` needs to run, itself among them, relative to the repository. */
export async function packagesOf(start) {
  const found = new Set();
  const waiting = [realpathSync(join(ROOT, start))];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    // oxlint-disable-next-line no-await-in-loop -- what comes next stands in it.
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    waiting.push(...neededBy(manifest).flatMap((need) => resolved(folder, need)));
  }
  return [...found].map((folder) => relative(ROOT, folder)).toSorted();
}

/** Copies them, in the places in which Node finds them. */
export async function assemble(start, target) {
  await rm(target, { recursive: true, force: true });
  for (const folder of await packagesOf(start)) {
    // oxlint-disable-next-line no-await-in-loop -- the disk is one.
    await (folder.startsWith('node_modules') ? copyForeign : copyOwn)(folder, target);
  }
}

function neededBy({ dependencies = {}, optionalDependencies = {}, peerDependencies = {}, ...rest }) {
  const optionalPeers = rest.peerDependenciesMeta ?? {};
  const isOptional = (name) => name in optionalDependencies || optionalPeers[name]?.optional === true;
  const peers = Object.keys(peerDependencies).filter((name) => !isOptional(name));
  const names = new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]);
  return [...names].map((name) => ({ name, isOptional: isOptional(name) }));
}

/** As Node does: from the folder upwards. */
function resolved(from, { name, isOptional }) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return [realpathSync(candidate)];
    if (relative(ROOT, folder) === '' || dirname(folder) === folder) break;
  }
  if (isOptional) return [];
  throw new Error(`${relative(ROOT, from)} needs ${name}, which is not installed: run npm ci.`);
}

/** Our own packages are found by a link in node_modules, as npm makes it. */
async function copyOwn(folder, target) {
  const { name } = JSON.parse(await readFile(join(ROOT, folder, 'package.json'), 'utf8'));
  for (const part of ['package.json', 'dist', 'sql']) {
    const source = join(ROOT, folder, part);
    if (existsSync(source)) {
      // oxlint-disable-next-line no-await-in-loop -- the disk is one.
      await cp(source, join(target, folder, part), { recursive: true, filter: (path) => !UNUSED.test(path) });
    }
  }
  const link = join('node_modules', name);
  await mkdir(dirname(join(target, link)), { recursive: true });
  await cp(join(ROOT, link), join(target, link), { recursive: true, verbatimSymlinks: true });
}

/** What is nested in it is copied by itself, if it is needed. */
async function copyForeign(folder, target) {
  const source = join(ROOT, folder);
  await cp(source, join(target, folder), {
    recursive: true,
    filter: (path) => !UNREAD.test(path) && !relative(source, path).split(sep).includes('node_modules'),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , start, target] = process.argv;
  if (start === undefined || target === undefined) {
    process.stderr.write('Usage: node tools/image.mjs <folder of a package> <folder to fill>\n');
    process.exitCode = 1;
  } else {
    await assemble(start, target);
  }
}
