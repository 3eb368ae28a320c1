import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installIfNeeded, JEST, ROOT } from './workspace.mjs';

/*
 * npm start, npm test and their like, also on a bare clone: installs and builds what is needed, then becomes as
 * good as the program itself: its input, output, signals and exit code are passed on.
 */

const NODE_MIN = [20, 19];

/** They run the sources as they are. */
const NEED_NO_BUILD = new Set(['simulate', 'simulation']);

const PROGRAMS = {
  start: [join(ROOT, 'apps', 'quickstart', 'dist', 'main.js')],
  test: JEST,
  chaos: [...JEST, '--config', join(ROOT, 'test', 'chaos', 'jest.config.mjs')],
  kafka: [...JEST, '--config', join(ROOT, 'test', 'kafka', 'jest.config.mjs')],
  simulation: [...JEST, '--config', join(ROOT, 'test', 'simulation', 'jest.config.mjs')],
  simulate: [
    '--conditions=@atone/source',
    '--import',
    pathToFileURL(join(ROOT, 'test', 'simulation', 'register.mjs')).href,
    join(ROOT, 'test', 'simulation', 'main.ts'),
  ],
  bench: [join(ROOT, 'bench', 'dist', 'main.js')],
  cli: [join(ROOT, 'apps', 'cli', 'dist', 'main.js')],
  'participant-check': [join(ROOT, 'libs', 'testing', 'dist', 'check', 'main.js')],
};

const [name, ...args] = process.argv.slice(2);
process.exitCode = await main();

async function main() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    return complain(
      `Atone needs Node.js ${NODE_MIN.join('.')} or later, and this is ${process.versions.node}.`,
    );
  }
  if (!Object.hasOwn(PROGRAMS, name))
    return complain(
      'Usage: node tools/run.mjs start|test|chaos|kafka|simulation|simulate|bench|cli|participant-check [arguments]',
    );
  if (tellsOptions()) return become([...PROGRAMS[name], ...args]);
  if (!(await installIfNeeded())) return complain('The dependencies could not be installed.');
  const isBuilt = NEED_NO_BUILD.has(name) || (await build());
  if (!isBuilt && name !== 'test') return complain('The sources do not compile.');
  const exitCode = await become([...PROGRAMS[name], ...args]);
  // The tests run all the same, from the sources; but what does not compile is not good.
  return isBuilt ? exitCode : exitCode || 1;
}

/** What is built already can tell its options at once, however old it is. */
function tellsOptions() {
  return args.includes('--help') && existsSync(PROGRAMS[name][0]);
}

/** Runs Node with these arguments in our place, and returns its exit code. */
function become(nodeArgs) {
  const child = spawn(process.execPath, nodeArgs, { stdio: 'inherit' });
  const passed = new Set();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // npm sends again what the terminal has sent to all of us, the child included.
      if (passed.has(signal) || comesFromTerminal(signal)) return;
      passed.add(signal);
      child.kill(signal);
    });
  }
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve(complain(`${process.execPath}: ${cause.message}`)));
    child.once('exit', (code, signal) => {
      if (signal === null) return resolve(code);
      // Dies of the same signal, so that the caller sees what happened.
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });
}

function comesFromTerminal(signal) {
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  return signal !== 'SIGTERM' && hasTerminal;
}

function complain(sentence) {
  process.stderr.write(`${sentence}\n`);
  return 1;
}
