import { expect, test } from '@jest/globals';
import type { Verdict } from '@atone/protocol';
import fc from 'fast-check';
import type { Engine } from './engine.js';
import type { TransactionLog } from './log.port.js';
import { EngineWorld, overriding, SeededRandom } from './testing/index.js';
import { LedCase } from './testing/led.requests.js';

/*
 * S1: whatever is asked of two coordinators at once, and whatever answers of the log are lost, there is one decision, and
 * nobody is told of another.
 */

type Step =
  | { readonly what: 'commit' | 'abort' | 'register' | 'doubt'; readonly at: 0 | 1; readonly isLost: boolean }
  | { readonly what: 'wait'; readonly ms: number };

const asking = fc.record({
  what: fc.constantFrom('commit' as const, 'abort' as const, 'register' as const, 'doubt' as const),
  at: fc.constantFrom(0 as const, 1 as const),
  isLost: fc.boolean(),
});

const waiting = fc.record({
  what: fc.constant('wait' as const),
  ms: fc.constantFrom(0, 30, 200, 5_000, 40_000),
});

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: asking }, { weight: 1, arbitrary: waiting }),
  { minLength: 2, maxLength: 8 },
);

/** What was told to those who asked. */
interface Told {
  readonly decided: ('commit' | 'abort')[];
  readonly verdicts: Verdict[];
  /** Of the errors. */
  readonly codes: (string | undefined)[];
}

test('S1 of commits, aborts, registrations and doubts at two coordinators one decides, and all are told the same', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const world = new EngineWorld();
      const trip = new LedCase(world.clock, new SeededRandom(7));
      const losses = { count: 0 };
      const log = losing(world.log, losses);
      const engines = [(await world.coordinator({ log })).engine, (await world.coordinator({ log })).engine];
      const answers: Told = { decided: [], verdicts: [], codes: [] };
      const pending: Promise<void>[] = [];
      for (const step of drawn) {
        if (step.what === 'wait') {
          // oxlint-disable-next-line no-await-in-loop -- what is asked later is asked later.
          await world.clock.advance(step.ms);
        } else {
          losses.count += step.isLost ? 1 : 0;
          pending.push(ask(engines[step.at] as Engine, { trip, what: step.what, answers }));
        }
      }
      await world.clock.advance(120_000);
      await Promise.all(pending);

      const row = await world.log.get(trip.gid);
      const isCommitted = row?.state === 'committed';
      expect(answers.codes.filter((code) => !EXPECTED.has(code))).toEqual([]);
      expect(row === undefined || row.finishedAt !== undefined).toBe(true);
      expect(new Set(answers.decided).size).toBeLessThanOrEqual(1);
      expect(answers.decided.every((to) => (to === 'commit') === isCommitted)).toBe(true);
      expect(answers.verdicts.every(({ verdict }) => isFitting(verdict, isCommitted))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

async function ask(
  engine: Engine,
  { trip, what, answers }: { trip: LedCase; what: 'commit' | 'abort' | 'register' | 'doubt'; answers: Told },
): Promise<void> {
  try {
    if (what === 'doubt') {
      answers.verdicts.push(...(await engine.doubts([trip.doubt('1')])));
    } else if (what === 'register') {
      await engine.register(trip.gid, trip.registration(['1']));
    } else {
      await engine.decide(trip.gid, trip[what](['1']));
      answers.decided.push(what);
    }
  } catch (error) {
    answers.codes.push((error as { readonly code?: string }).code);
  }
}

const EXPECTED: ReadonlySet<string | undefined> = new Set([
  'ALREADY_DECIDED',
  'BRANCH_CONFLICT',
  'LOG_UNAVAILABLE',
  'OVERLOADED',
]);

function isFitting(verdict: Verdict['verdict'], isCommitted: boolean): boolean {
  return verdict === 'wait' || (verdict === 'confirm') === isCommitted;
}

/** A log of which the next answers to writes are lost, though what was asked is done. */
function losing(log: TransactionLog, losses: { count: number }): TransactionLog {
  async function maybeLost<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    if (losses.count > 0) {
      losses.count -= 1;
      throw Object.assign(new Error('connection lost'), { retryable: true });
    }
    return answer;
  }
  return overriding(log, {
    insertIfAbsent: async (rows) => maybeLost(log.insertIfAbsent(rows)),
    update: async (updates) => maybeLost(log.update(updates)),
    claim: async (instanceId, gid) => maybeLost(log.claim(instanceId, gid)),
  });
}
