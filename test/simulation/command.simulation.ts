import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { readPlanFile } from './plan/plan.file.js';
import { simulate } from './run.js';

const REGISTER = new URL('register.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const BUG = 'undo-in-forward-order';

const folder = mkdtempSync(join(tmpdir(), 'atone-simulation-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a bug is shown with a plan that is small enough to read, and that fails again', async () => {
  const found = await run('--bug', BUG, '--runs', '500', '--out', folder);
  const [, path = ''] = /--plan (?<path>\S+)/u.exec(found.output) ?? [];
  const again = await run('--plan', path, '--out', folder);

  expect(found).toMatchObject({
    exitCode: 1,
    output: expect.stringMatching(/^Seed \d+: SA2 is broken for tx\d/mu),
  });
  expect(found.output).toMatch(/^ +commit +[0-9a-f]{10}.*with the planted bug undo-in-forward-order$/mu);
  expect(found.output).toMatch(/^ +[\d.]+ log +tx\d v\d aborting/mu);
  expect(again).toMatchObject({ exitCode: 1, output: expect.stringContaining('SA2 is broken for tx') });
  const { plan, bug, promise } = readPlanFile(path);
  expect({ bug, promise }).toEqual({ bug: BUG, promise: 'SA2' });
  expect(plan.transactions).toHaveLength(1);
  expect(plan.transactions[0]?.submission.steps.length).toBeLessThanOrEqual(3);
  expect(plan.timed.length + (plan.points ?? []).length).toBeLessThanOrEqual(3);
  expect((await simulate(plan)).failure).toBeUndefined();
});

test('the trace of a seed is the same file each time', async () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];

  const ends = [await run('--seed', '5', '--trace', first), await run('--seed', '5', '--trace', second)];

  expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
  expect(readFileSync(first, 'utf8')).toMatch(/^ +\d+\.\d\d coordinator-0 +starts$/mu);
});

test('seeds that keep every promise end with a table, and with 0', async () => {
  const { exitCode, output } = await run('--runs', '60', '--from', '100', '--workers', '2');

  expect(exitCode).toBe(0);
  expect(output).toMatch(/^runs +60 .* 0 failed$/mu);
  expect(output).toMatch(/^transactions +\d+ +\d+ committed, \d+ aborted$/mu);
  expect(output).toMatch(/^ +participant\.action\.beforeCommit +\d+/mu);
});

test('an option that there is not is answered with the one that was meant, and with 2', async () => {
  const { exitCode, output } = await run('--sed', '5');

  expect({ exitCode, output }).toEqual({
    exitCode: 2,
    output: 'There is no option --sed. The nearest is --seed.\n',
  });
});

test('what nobody awaits fails a run, and so does what breaks outside of all promises', async () => {
  const guarded = new URL('guard/guarded.ts', import.meta.url).href;
  const script = `
    import { guarded } from ${JSON.stringify(guarded)};
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await guarded((error) => console.log(error.message), async () => {
      Promise.reject(new Error('not awaited'));
      await turn();
      queueMicrotask(() => { throw new Error('out of sight'); });
      await turn();
    });`;

  const { exitCode, output } = await node('--input-type=module', '--eval', script);

  expect({ exitCode, output }).toEqual({ exitCode: 0, output: 'not awaited\nout of sight\n' });
});

interface End {
  readonly exitCode: number | null;
  readonly output: string;
}

function run(...args: string[]): Promise<End> {
  return node(MAIN, ...args);
}

async function node(...args: string[]): Promise<End> {
  const child = spawn(process.execPath, ['--conditions=@atone/source', '--import', REGISTER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  }
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { exitCode, output: Buffer.concat(chunks).toString() };
}
