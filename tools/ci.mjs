import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { register } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests } from './jest-totals.mjs';
import { installIfNeeded, npm, ROOT, run } from './workspace.mjs';

/*
 * Everything that must hold before a change goes in. Every step runs, whatever became of the ones before;
 * the last line is `N passed, N failed` over all tests, and a step that failed counts as one test.
 */

/** The tests that talk to a database, which run on the oldest version of it, too. */
const DATABASE_FOLDERS = ['libs/store-postgres', 'libs/participant', 'libs/automatic'];

const OLDEST_POSTGRES = '14';

/** Without Java there is no Kafka and no model checker. That half of the checks is left out only where somebody says so. */
const MAY_LACK_JAVA = process.env.ATONE_CI_WITHOUT_JAVA === 'true';

/** Each of these runs a dozen programs, which fill a small machine: one of them at a time. */
const DEPLOYMENTS = /\/(?:.*faults|rolling|shop|travel)\.kafka\.ts$/;

/** These wait for leases and pauses more than they compute. */
const PATIENT_CHAOS = /\/(?:led|pauses)\.chaos\.ts$/;

/** Two that run at the same time draw their ports from different ones. */
const PORT_RANGES = ['20000-24999', '25000-29999'];

/** A step that takes longer hangs. */
const STEP_TIMEOUT_MS = 30 * 60_000;

const totals = { passed: 0, failed: 0 };
/** One for all, once somebody wants to know. */
let javaLook;
try {
  await main();
} catch (cause) {
  report('the run itself', { failed: 1, words: String(cause?.stack ?? cause) });
}
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);

async function main() {
  await step('install', async () => ({ failed: Number(!(await installIfNeeded())) }));
  for (const script of ['format:check', 'build', 'lint', 'unused']) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, for the log is read so
    await step(script, () => runScript(script));
  }
  const specs = await specFiles();
  const databaseSpecs = specs.filter((path) =>
    DATABASE_FOLDERS.some((folder) => path.startsWith(`${folder}/`)),
  );
  await step('test', () => runTests(['test', '--'], { expected: specs }));
  await step(`test on PostgreSQL ${OLDEST_POSTGRES}`, () =>
    runTests(['run', 'jest', '--', ...DATABASE_FOLDERS.map((folder) => `${folder}/`)], {
      expected: [...databaseSpecs, ...foldersWithoutSpecs(databaseSpecs)],
      env: { ATONE_TEST_POSTGRES: OLDEST_POSTGRES },
    }),
  );
  await checkOnKafka();
  await step('test:simulation', () =>
    runTests(['run', 'test:simulation', '--'], {
      expected: ['seeds', 'planted-bugs', 'command'].map((name) => `test/simulation/${name}.simulation.ts`),
    }),
  );
  await checkChaos();
}

/** Runs what mostly waits for brokers, and the model after it, beside what needs the machine. */
async function checkOnKafka() {
  const [deployments, others] = await split('kafka', DEPLOYMENTS);
  await atTheSameTime(
    (env) => step('test:kafka, deployments', () => testOnKafka(deployments, env)),
    async (env) => {
      await step('test:kafka, all others', () => testOnKafka(others, env));
      await step('model', () => checkModel());
    },
  );
}

async function checkChaos() {
  const [patient, others] = await split('chaos', PATIENT_CHAOS);
  await atTheSameTime(
    (env) => step('test:chaos, the patient', () => testChaos(patient, env)),
    (env) => step('test:chaos, all others', () => testChaos(others, env)),
  );
}

/** Starts each with an environment of its own. */
function atTheSameTime(...lanes) {
  return Promise.all(lanes.map((lane, at) => lane({ ATONE_TEST_PORTS: PORT_RANGES[at] })));
}

/** Returns the tests of a folder that has a configuration of its own: those that match, and all others. */
async function split(kind, pattern) {
  const names = await readdir(join(ROOT, 'test', kind));
  const files = names.filter((name) => name.endsWith(`.${kind}.ts`)).map((name) => `test/${kind}/${name}`);
  return [files.filter((file) => pattern.test(file)), files.filter((file) => !pattern.test(file))];
}

/** Does one step, adds up what it counted, and shows its words if something failed. */
async function step(title, action) {
  const startedAt = performance.now();
  const outcome = await action().catch((cause) => ({ failed: 1, words: String(cause?.stack ?? cause) }));
  report(title, { ...outcome, seconds: (performance.now() - startedAt) / 1_000 });
}

function report(title, { passed = 0, failed, note = '', words = '', seconds = 0 }) {
  totals.passed += passed;
  totals.failed += failed;
  process.stdout.write(`${failed === 0 ? 'ok    ' : 'FAILED'} ${title}${note} (${seconds.toFixed(1)} s)\n`);
  // Indented, so that no line of it can be taken for the last one of ours.
  if (failed !== 0) process.stdout.write(`${words.trimEnd().replace(/^/gm, '    ')}\n`);
}

async function runScript(script) {
  const { exitCode, output } = await runNpm(['run', script]);
  return { failed: Number(exitCode !== 0), words: output };
}

async function runTests(command, { expected, env = {} }) {
  const folder = await mkdtemp(join(tmpdir(), 'atone-ci-'));
  try {
    const file = join(folder, 'report.json');
    const { exitCode, output } = await runNpm([...command, '--ci', '--json', `--outputFile=${file}`], env);
    const counted = countTests(await readJson(file), expected);
    // npm test also fails if the sources do not compile.
    const isOtherwiseBad = exitCode !== 0 && counted.failed === 0;
    return {
      ...counted,
      failed: counted.failed + Number(isOtherwiseBad),
      // What failed comes first, and what passed not at all: a log may be cut short.
      words: [...counted.complaints, output.replaceAll(/^PASS .*\n/gm, '').trimEnd()].join('\n'),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkModel() {
  const { exitCode, output } = await runNpm(['run', 'model']);
  const [skipped] = /^Skipped: .*$/m.exec(output) ?? [];
  if (exitCode === 0 && skipped !== undefined) return withoutJava(skipped);
  const [, passed = 0, failed = 0] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
  const isOtherwiseBad = Number(failed) === 0 && (exitCode !== 0 || Number(passed) === 0);
  return { passed: Number(passed), failed: Number(failed) + Number(isOtherwiseBad), words: output };
}

async function testOnKafka(expected, env) {
  const sentence = await (javaLook ??= lookForJava());
  return sentence === undefined
    ? runTests(['run', 'test:kafka', '--', ...expected], { expected, env })
    : withoutJava(sentence);
}

function testChaos(expected, env) {
  return runTests(['run', 'test:chaos', '--', ...expected], { expected, env });
}

/** Returns undefined, or in a sentence why there is no Java. */
async function lookForJava() {
  register('./typescript.loader.mjs', import.meta.url);
  const { findJava } = await import('../libs/embedded-kafka/src/index.ts');
  try {
    await findJava();
    return undefined;
  } catch (cause) {
    if (cause?.code !== 'NO_JAVA') throw cause;
    return `Skipped: ${cause.message}`;
  }
}

/** What was left out for want of Java: the line of the step says so, and nothing is counted, or it has failed. */
function withoutJava(words) {
  return MAY_LACK_JAVA
    ? { failed: 0, note: `. ${words}` }
    : { failed: 1, words: `${words}\nSet ATONE_CI_WITHOUT_JAVA=true to go on without.` };
}

function runNpm(args, env = {}) {
  const options = { env: { ...process.env, CI: 'true', NO_COLOR: '1', ...env }, timeout: STEP_TIMEOUT_MS };
  return run(...npm(args), options);
}

/** Returns every spec file of the repository, so that one which no project of Jest matches is noticed. */
async function specFiles() {
  const folders = ['libs', 'apps', 'examples', 'bench', 'test', 'tools'];
  const found = await Promise.all(folders.map((folder) => specsBelow(folder)));
  return found.flat();
}

async function specsBelow(folder) {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isFile()) return /\.spec\.(ts|mjs)$/.test(entry.name) ? [path] : [];
      return entry.isDirectory() && !/^(node_modules|dist)$/.test(entry.name) ? specsBelow(path) : [];
    }),
  );
  return found.flat();
}

/** A folder whose specs have gone is expected to have one, so that its absence is a failure. */
function foldersWithoutSpecs(specs) {
  return DATABASE_FOLDERS.filter((folder) => !specs.some((path) => path.startsWith(`${folder}/`))).map(
    (folder) => `${folder}/a spec file`,
  );
}

async function readJson(file) {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}
