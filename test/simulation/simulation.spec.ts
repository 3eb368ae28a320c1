import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, jest, test } from '@jest/globals';
import { readPlanFile } from './plan/plan.file.js';
import { planOfSeed } from './plan/simulation.plan.js';
import { simulate, type RunFailure } from './run.js';

/** On a busy machine; on a quiet one, all of this takes some seconds. */
jest.setTimeout(120_000);

const PLANS = fileURLToPath(new URL('plans/', import.meta.url));

test('every promise is kept, whatever goes wrong in three hundred seeds', async () => {
  const failures: { seed: number; failure: RunFailure }[] = [];
  for (let seed = 1; seed <= 300; seed += 1) {
    // oxlint-disable-next-line no-await-in-loop -- there is one world at a time in a process.
    const { failure } = await simulate(planOfSeed(seed));
    failures.push(...(failure === undefined ? [] : [{ seed, failure }]));
  }

  expect(failures).toEqual([]);
});

test('a seed gives the same trace each time, byte for byte', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const [first, second]: [string[], string[]] = [[], []];
    // oxlint-disable-next-line no-await-in-loop -- there is one world at a time in a process.
    await simulate(planOfSeed(seed), first);
    // oxlint-disable-next-line no-await-in-loop -- the same
    await simulate(planOfSeed(seed), second);

    expect(second).toEqual(first);
  }
});

test('a seed gives the same trace, whether or not its faults are written down', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const [drawn, written]: [string[], string[]] = [[], []];
    const plan = planOfSeed(seed);
    // oxlint-disable-next-line no-await-in-loop -- there is one world at a time in a process.
    const { struck } = await simulate(plan, drawn);
    // oxlint-disable-next-line no-await-in-loop -- the same
    await simulate({ ...plan, points: struck }, written);

    expect(written).toEqual(drawn);
  }
});

test.each(readdirSync(PLANS))('%s, which once broke a promise, breaks none', async (name) => {
  const { failure } = await simulate(readPlanFile(`${PLANS}${name}`).plan);

  expect(failure).toBeUndefined();
});
