import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PLANTED_BUGS } from './bugs/planted.bugs.js';
import type { FailedSeed } from './volume/tally.js';
import { runVolume } from './volume/volume.js';

/** A bug that this many seeds do not show is a hole in the simulator. */
const SEED_COUNT_MAX = 2_000;

const finds = new Map<string, Promise<FailedSeed | undefined>>();

beforeAll(async () => {
  const left = [...PLANTED_BUGS];
  const search = async (): Promise<void> => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const find = firstFailure(bug.name);
      finds.set(bug.name, find);
      // What cannot be planted or run fails its own test, and no other.
      // oxlint-disable-next-line no-await-in-loop -- a bug for each core at a time
      await find.catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, search));
});

afterAll(async () => {
  const width = Math.max(...PLANTED_BUGS.map(({ name }) => name.length));
  const lines = PLANTED_BUGS.map(async ({ name }) => {
    const found = await finds.get(name)?.catch(() => undefined);
    const what = found === undefined ? 'not found' : `seed ${found.seed}  ${found.failure.promise}`;
    return `${name.padEnd(width)}  ${what}`;
  });
  process.stdout.write(`${(await Promise.all(lines)).join('\n')}\n`);
});

test.each(PLANTED_BUGS)('the simulator finds the planted bug $name', async ({ name, promises }) => {
  const found = await finds.get(name);

  expect(found).toBeDefined();
  expect(promises).toContain(found?.failure.promise);
});

async function firstFailure(bug: string): Promise<FailedSeed | undefined> {
  const { failed } = await runVolume({
    from: 1,
    runCount: SEED_COUNT_MAX,
    workerCount: 1,
    bug,
    stopsAtFirst: true,
  });
  return failed[0];
}
