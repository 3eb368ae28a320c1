import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readVerdict } from './tlc-verdict.mjs';
import { installTlc, ToolMissingError } from './tlc.mjs';
import { ROOT, run } from './workspace.mjs';

/*
 * npm run model: checks each module of docs/model as it is, and once more with each of its switches off, when the
 * property that its .cfg names must fall. The last line is `N passed, N failed`, or says why the model is not
 * checked on this machine.
 */

const MODEL = join(ROOT, 'docs', 'model');

const MODULES = ['Saga', 'Led'];

/** A module as it is takes about a minute; what takes longer than this has grown beyond its bounds. */
const CHECK_TIMEOUT_MS = 15 * 60_000;

process.exitCode = await main();

async function main() {
  try {
    return await checkAll(await installTlc());
  } catch (cause) {
    if (cause instanceof ToolMissingError) {
      say(`Skipped: ${cause.message}.`);
      return 0;
    }
    say(String(cause?.stack ?? cause));
    say('0 passed, 1 failed');
    return 1;
  }
}

async function checkAll(tools) {
  const checks = (await Promise.all(MODULES.map(checksOf))).flat();
  let failed = 0;
  for (const each of checks) {
    // oxlint-disable-next-line no-await-in-loop -- one takes all processors
    const isGood = await check(tools, each);
    failed += Number(!isGood);
  }
  say(`${checks.length - failed} passed, ${failed} failed`);
  return Number(failed > 0);
}

async function checksOf(module) {
  const config = await readFile(join(MODEL, `${module}.cfg`), 'utf8');
  return [asItIs(module, config), ...switchesOff(module, config)];
}

/** With as many workers as there are processors. */
function asItIs(module, config) {
  return { title: `${module} as it is`, module, config, workers: 'auto', falls: undefined };
}

/**
 * Returns a check for each switch, whose line in the .cfg says what falls without it.
 *
 * With one worker the steps to a violation are the fewest, and the same each time.
 */
function switchesOff(module, config) {
  const switches = [...config.matchAll(/^ *(?<name>\w+) = TRUE(?: +\\\* FALSE: (?<falls>\w+) falls)?$/gm)];
  if (switches.length === 0)
    throw new Error(`${module}.cfg has no switch, so nothing shows that the model can fail.`);
  const named = switches.map(({ groups: { falls } }) => falls);
  return switches.map(({ groups: { name, falls = `a property that ${module}.cfg names` } }) => ({
    title: `${module} without ${name}`,
    module,
    config: withoutLiveness(config, named).replace(`${name} = TRUE`, `${name} = FALSE`),
    workers: '1',
    falls,
  }));
}

/**
 * Returns `config` without the properties that no switch names, which are those of liveness: TLC looks at them whenever some time has passed,
 * so on a busy machine one of them would be seen to fall before the property that falls after fewer steps.
 */
function withoutLiveness(config, named) {
  const [before, properties = ''] = config.split('PROPERTIES\n');
  const kept = properties.split('\n').filter((line) => named.includes(line.trim()));
  return kept.length === 0 ? before : [`${before}PROPERTIES`, ...kept, ''].join('\n');
}

/** Runs one check and says in a line what came out. @returns whether it came out as it must. */
async function check(tools, { title, falls, ...checked }) {
  const startedAt = performance.now();
  const ended = await runTlc(tools, checked);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const verdict = readVerdict(ended);
  const isGood = falls === undefined ? verdict.outcome === 'holds' : verdict.property === falls;
  const wanted = isGood || falls === undefined ? '' : `, and ${falls} should fall`;
  say(`${isGood ? 'ok    ' : 'FAILED'} ${title.padEnd(31)}${describe(verdict)}${wanted} (${seconds} s)`);
  if (!isGood) say(ended.output.trimEnd().replace(/^/gm, '    '));
  return isGood;
}

async function runTlc({ java, tlcArgs }, { module, config, workers }) {
  // TLC leaves files beside the model and in the folder for temporary ones.
  const folder = await mkdtemp(join(tmpdir(), 'atone-model-'));
  try {
    await copyFile(join(MODEL, `${module}.tla`), join(folder, `${module}.tla`));
    await writeFile(join(folder, `${module}.cfg`), config);
    const jvm = [`-Djava.io.tmpdir=${folder}`, ...tlcArgs];
    const args = ['-workers', workers, '-metadir', join(folder, 'states'), `${module}.tla`];
    return await run(java, [...jvm, 'tlc2.TLC', ...args], { cwd: folder, timeout: CHECK_TIMEOUT_MS });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function describe(verdict) {
  const { states, distinct, depth } = verdict;
  switch (verdict.outcome) {
    case 'holds':
      return `no property falls: ${states} states, ${distinct} of them distinct, depth ${depth}`;
    case 'violated':
      return `${verdict.property} falls after ${verdict.steps} steps`;
    default:
      return 'TLC could not check it';
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
