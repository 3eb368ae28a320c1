import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Ledger } from './check/led.facts.js';
import { callTrees } from './plan/led.arbitrary.js';
import { simulate } from './run.js';

/** On a busy machine; on a quiet one, all of this takes some seconds. */
jest.setTimeout(120_000);

const DEPTH = 4;
const RUN_COUNT = 250;

/** What the trees came to: what never got so far would prove nothing. */
const seen = { committed: 0, aborted: 0, undoneBesideCommit: 0, deepest: 0 };

test('whatever is refused, lost, repeated or late in a tree of calls: all of it or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(callTrees(DEPTH), async (plan) => {
      const { failure, ledgers } = await simulate(plan);

      expect(failure).toBeUndefined();
      for (const ledger of ledgers) {
        note(ledger);
        expect(inForce(ledger)).toEqual(promised(ledger));
        expect(notExactlyOnce(ledger)).toEqual([]);
        expect(ledger.told.filter((told) => contradicts(told, ledger))).toEqual([]);
      }
    }),
    { numRuns: RUN_COUNT, seed: 20_261_122 },
  );
  expect(seen.committed).toBeGreaterThan(RUN_COUNT / 10);
  expect(seen.aborted).toBeGreaterThan(RUN_COUNT / 10);
  expect(seen.undoneBesideCommit).toBeGreaterThan(RUN_COUNT / 40);
  expect(seen.deepest).toBe(DEPTH);
});

/** Everything that the code was told of and did not throw away, or nothing. */
function promised({ outcome, kept }: Ledger): string[] {
  return outcome === 'committed' ? kept.toSorted() : [];
}

/** The effects that are there for good. */
function inForce({ entries }: Ledger): string[] {
  return entries
    .filter(({ undoCount }) => undoCount === 0)
    .map(({ effect = 'unknown' }) => effect)
    .toSorted();
}

/** Each effect happened once, and was then confirmed or undone; only a try has code that confirms it. */
function notExactlyOnce({ entries }: Ledger): readonly Ledger['entries'][number][] {
  return entries.filter(({ effectCount, confirmCount, undoCount, state }) => {
    const isConfirmed = state === 'confirmed' && undoCount === 0 && confirmCount <= 1;
    const isUndone = state === 'undone' && undoCount === 1 && confirmCount === 0;
    return effectCount !== 1 || isConfirmed === isUndone;
  });
}

/** Of what keeps nothing, to commit and to abort are the same. */
function contradicts(told: Ledger['told'][number], { outcome, kept }: Ledger): boolean {
  const isCommitted = outcome === 'committed';
  return told !== 'unknown' && kept.length > 0 && (told === 'committed') !== isCommitted;
}

function note(ledger: Ledger): void {
  const { outcome, entries, kept } = ledger;
  const undoneCount = entries.filter(({ undoCount }) => undoCount > 0).length;
  const isCommitted = outcome === 'committed' && kept.length > 0;
  seen.committed += isCommitted ? 1 : 0;
  seen.aborted += !isCommitted && undoneCount > 0 ? 1 : 0;
  seen.undoneBesideCommit += isCommitted && undoneCount > 0 ? 1 : 0;
  for (const effect of promised(ledger)) {
    seen.deepest = Math.max(seen.deepest, effect.split('.').length - 1);
  }
}
