import { availableParallelism } from 'node:os';
import { beforeAll, expect, test } from '@jest/globals';
import { ENGINE_FAILPOINTS } from '@atone/engine/testing';
import { LED_FAILPOINTS, PARTICIPANT_FAILPOINTS } from '@atone/participant/testing';
import { readText, repositoryFiles } from '../docs/markdown.js';
import { explainFailed } from './cli/failed.seeds.js';
import { FAULT_KINDS } from './plan/fault.js';
import { planOfSeed } from './plan/simulation.plan.js';
import { simulate } from './run.js';
import { EMPTY_TALLY, type Tally } from './volume/tally.js';
import { runVolume } from './volume/volume.js';
import { WorkerProcess } from './volume/worker.process.js';

const SEED_COUNT = 10_000;

let tally: Tally = EMPTY_TALLY;

beforeAll(async () => {
  tally = await runVolume({ from: 1, runCount: SEED_COUNT, workerCount: availableParallelism() });
});

test('every promise is kept, whatever goes wrong in ten thousand seeds', async () => {
  const report = await explainFailed(tally.failed, { shrinks: true, out: 'simulation-failures' });

  expect(report.join('\n')).toBe('');
  expect(tally.runCount).toBe(SEED_COUNT);
});

test.each([...ENGINE_FAILPOINTS, ...PARTICIPANT_FAILPOINTS, ...LED_FAILPOINTS])(
  'the failpoint %s is reached',
  (name) => {
    expect(tally.failpoints[name]).toBeGreaterThan(0);
  },
);

test('no failpoint is passed but through the lists of names', () => {
  const sources = repositoryFiles().filter((path) =>
    /^(libs|apps)\/[^/]+\/src\/.*(?<!\.spec)\.ts$/u.test(path),
  );
  const passing = sources.filter((path) => /\bfailpoint\(/u.test(readText(path)));

  expect(passing).toEqual([
    'libs/core/src/failpoint.ts',
    'libs/engine/src/failpoints.ts',
    'libs/participant/src/failpoints.ts',
  ]);
});

test.each(FAULT_KINDS)('the fault %s strikes', (kind) => {
  expect(tally.faults[kind]).toBeGreaterThan(0);
});

test('a seed gives the same trace in another process, byte for byte', async () => {
  const worker = new WorkerProcess(undefined);
  try {
    for (let seed = 1; seed <= 20; seed += 1) {
      const trace: string[] = [];
      // oxlint-disable-next-line no-await-in-loop -- there is one world at a time in a process.
      await simulate(planOfSeed(seed), trace);
      // oxlint-disable-next-line no-await-in-loop -- the same
      const other = await worker.explain(planOfSeed(seed), 0);

      expect(other.trace).toEqual(trace);
    }
  } finally {
    worker.end();
  }
});
