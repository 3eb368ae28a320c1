import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ancestorsByStep } from './plan.graph.js';
import type { Plan, PlanStep } from './plan.js';
import { planProblems } from './plan.validation.js';
import { isEnded, stuckOf } from './saga.state.js';
import { scripts } from './testing/scripts.js';
import { planOf, step } from './testing/plans.js';
import { check } from './testing/saga.laws.js';
import { SagaWorld, type Setting } from './testing/saga.world.js';
import type { Move } from './testing/world.js';

/** Enough to find each of the defects that were planted; a night can afford more. */
const RUNS = Number(process.env['ATONE_PROPERTY_RUNS'] ?? 2000);

describe('a saga in a world where everything goes wrong', () => {
  test('always ends, or is visibly stuck or paused until an operator has repaired it', () => {
    fc.assert(
      fc.property(settings('any'), moves(), (setting, script) => {
        const world = play(setting, script);
        const { saga } = world;
        check(
          isEnded(saga) || stuckOf(saga) !== undefined || saga.paused !== undefined,
          'at rest is ended or visible',
        );

        repairAll(world);

        expect(isEnded(world.saga)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test('leaves each effect exactly once after a commit and none after an abort, where all keep barriers', () => {
    fc.assert(
      fc.property(settings('barrier'), moves(), (setting, script) => {
        const world = play(setting, script);

        repairAll(world);

        checkEffects(world);
      }),
      { numRuns: RUNS },
    );
  });
});

function play(setting: Setting, script: readonly Move[]): SagaWorld {
  expect(planProblems(setting.plan)).toEqual([]);
  const world = new SagaWorld(setting);
  try {
    for (const move of script) {
      world.move(move);
    }
    world.calmDown();
  } catch (error) {
    throw new Error([String(error), ...world.trace].join('\n'), { cause: error });
  }
  return world;
}

function repairAll(world: SagaWorld): void {
  try {
    for (let count = 0; count < 3 && !isEnded(world.saga); count += 1) {
      world.repair();
      world.calmDown();
    }
  } catch (error) {
    throw new Error([String(error), ...world.trace].join('\n'), { cause: error });
  }
  if (!isEnded(world.saga)) {
    throw new Error(['Broken: a repaired saga ends', ...world.trace].join('\n'));
  }
}

function checkEffects(world: SagaWorld): void {
  for (const participant of world.participants) {
    const branch = world.saga.branches.find(({ branchId }) => branchId === participant.step.branchId);
    const { effectCount, undoCount } = participant;
    const isSkippedUndo = branch?.skip?.op === 'compensate';
    const isWanted = world.saga.state === 'committed' && branch?.state === 'done';
    const isRight = isWanted
      ? effectCount === 1 && undoCount === 0
      : effectCount <= 1 && (undoCount === effectCount || isSkippedUndo);
    if (!isRight) {
      const text = `Broken: ${participant.step.branchId} has ${effectCount} effects and ${undoCount} undos`;
      throw new Error([text, ...world.trace].join('\n'));
    }
  }
}

function moves(): fc.Arbitrary<Move[]> {
  const kind = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Move['kind']>('deliver') },
    { weight: 12, arbitrary: fc.constant<Move['kind']>('answer') },
    { weight: 6, arbitrary: fc.constantFrom<Move['kind']>('tick', 'early-tick', 'wait') },
    { weight: 4, arbitrary: fc.constantFrom<Move['kind']>('drop', 'lose', 'deliver-twice', 'answer-twice') },
    {
      weight: 5,
      arbitrary: fc.constantFrom<Move['kind']>('save', 'crash', 'overtake', 'forward', 'cut-write'),
    },
    { weight: 3, arbitrary: fc.constant<Move['kind']>('act') },
  );
  return fc.array(fc.record({ kind, at: fc.nat(400) }), { maxLength: 60 });
}

function settings(endpoints: 'barrier' | 'any'): fc.Arbitrary<Setting> {
  return fc.integer({ min: 1, max: 5 }).chain((count) =>
    fc.record({
      plan: plans(count, endpoints),
      deadlineMs: fc.option(fc.integer({ min: 100, max: 6000 }), { nil: undefined }),
      scripts: fc.array(fc.record({ action: scripts(), compensate: scripts() }), {
        minLength: count,
        maxLength: count,
      }),
      seed: fc.integer(),
    }),
  );
}

function plans(count: number, endpoints: 'barrier' | 'any'): fc.Arbitrary<Plan> {
  const drawn = fc.record({
    after: fc.array(fc.nat(4), { maxLength: 3 }),
    isRetry: fc.boolean(),
    canUndo: fc.boolean(),
    hasBarrier: endpoints === 'barrier' ? fc.constant(true) : fc.boolean(),
  });
  return fc
    .record({
      steps: fc.array(drawn, { minLength: count, maxLength: count }),
      pivot: fc.option(fc.nat(count - 1), { nil: undefined }),
      retry: fc.record({
        attemptCountMax: fc.integer({ min: 1, max: 3 }),
        undoAttemptCountMax: fc.integer({ min: 1, max: 3 }),
        initialMs: fc.constant(100),
        capMs: fc.constant(1000),
        replyTimeoutMs: fc.constant(1000),
      }),
    })
    .map(({ steps, pivot, retry }) => {
      const rough = steps.map(({ after, canUndo, hasBarrier, isRetry }, position) =>
        step(nameOf(position), {
          after: [...new Set(after.filter((other) => other < position).map(nameOf))],
          pivot: position === pivot,
          onRefusal: isRetry ? 'retry' : 'abort',
          canUndo,
          hasBarrier,
        }),
      );
      return { ...planOf(...rough.map((each) => madeValid(each, rough))), retry };
    });
}

function nameOf(position: number): string {
  return `s${position + 1}`;
}

/** Gives a step what its place beside, before or after the pivot demands. */
function madeValid(each: PlanStep, steps: readonly PlanStep[]): PlanStep {
  const pivot = steps.find((other) => other.pivot);
  const ancestors = ancestorsByStep(steps);
  const isBefore = pivot === undefined || ancestors.get(pivot.branchId)?.has(each.branchId) === true;
  const isAfter = pivot !== undefined && ancestors.get(each.branchId)?.has(pivot.branchId) === true;
  if (each.pivot) {
    return { ...each, onRefusal: 'abort' };
  }
  return {
    ...each,
    onRefusal: isBefore ? each.onRefusal : 'retry',
    canUndo: each.canUndo || !isAfter,
  };
}
