import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What has to be done before anything of this repository can run. Built-in modules only: on a bare clone
 * nothing else is there.
 */

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The lockfile that the last installation of ours was made from. */
const STAMP = join(ROOT, 'node_modules', '.cache', 'atone', 'installed');

/** Node can run Jest on ES modules, and leave out that warning, with these. */
export const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'),
];

const TSC = join(ROOT, 'node_modules', 'typescript-7', 'bin', 'tsc');

/** A step is announced only if it takes longer than this: what is done in a moment is nobody's business. */
const SILENT_MS = 1_000;

/**
 * Installs the dependencies unless what is installed is what the lockfile says.
 *
 * @returns whether they are there now; if not, npm's words have been shown.
 */
export async function installIfNeeded() {
  const lock = await readFile(join(ROOT, 'package-lock.json'), 'utf8');
  const key = `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`;
  const installed = await readText(join(ROOT, 'node_modules', '.package-lock.json'));
  const stamp = await readText(STAMP);
  if (installed !== '' && stamp === key) return true;
  if (installed === '' || !satisfies(JSON.parse(installed), JSON.parse(lock))) {
    // Not `npm ci`, which removes all that is there first. This takes the versions of the lockfile as well, checks
    // them, and leaves the file alone.
    const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];
    const isDone = await announce('Installing the dependencies', () => run(...npm(args)));
    if (!isDone) return false;
  }
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, key);
  return true;
}

/** Compiles what has changed. @returns whether it compiles; if not, the errors have been shown. */
export function build() {
  return announce('Building', () => run(process.execPath, [TSC, '-b']));
}

/** Returns the command and the arguments that run npm, the same npm that runs us if one does. */
export function npm(args) {
  const path = process.env.npm_execpath ?? '';
  return path.endsWith('npm-cli.js') ? [process.execPath, [path, ...args]] : ['npm', args];
}

/** Runs a command to its end, and returns its exit code and all its words. */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.once('error', (cause) => resolve({ exitCode: 127, output: `${command}: ${cause.message}\n` }));
    child.once('close', (code) => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/** Tells whether each package that must be installed is, in the version of the lockfile. */
function satisfies(installed, lock) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed.packages?.[path];
    if (found === undefined) return Boolean(wanted.optional || wanted.devOptional || wanted.peer);
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

/** Does `step` and says so in one line; its words are shown only if it fails. */
async function announce(title, step) {
  const startedAt = performance.now();
  let isAnnounced = false;
  const say = () => {
    isAnnounced = true;
    process.stderr.write(`${title} … `);
  };
  const timer = setTimeout(say, SILENT_MS);
  const { exitCode, output } = await step();
  clearTimeout(timer);
  if (exitCode !== 0 && !isAnnounced) say();
  if (!isAnnounced) return true;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stderr.write(exitCode === 0 ? `${seconds} s\n` : `failed after ${seconds} s\n${output}`);
  return exitCode === 0;
}

function readText(path) {
  return readFile(path, 'utf8').catch(() => '');
}
