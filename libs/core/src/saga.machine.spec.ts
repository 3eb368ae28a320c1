import { describe, expect, test } from '@jest/globals';
import { IllegalTransitionError } from './errors.js';
import type { OperatorAct, SagaEvent } from './saga.event.js';
import { branchOf, nextDueAt, outcomeOf, stepOf, stuckOf, type Branch, type Saga } from './saga.state.js';
import { planOf, serialPlan, step } from './testing/plans.js';
import {
  acceptedSaga,
  act,
  advance,
  ANN,
  CALLING,
  COMPENSATING,
  NOW,
  payOf,
  replyTo,
  sagaOfPay,
  UNKNOWN,
} from './testing/sagas.js';

const ABORTING = { state: 'aborting' } as const;
const DONE = { outcome: 'done', output: 1 } as const;
const CLAIM = { type: 'claim', by: 'c2' } as const;

describe('a step', () => {
  test('is called once it is its turn, and from then on it counts as begun', () => {
    const started = advance(acceptedSaga(planOf(step('pay'))), { type: 'start' });

    const error = { class: 'timeout', message: 'slow' } as const;
    const waiting = advance(started.saga, replyTo('action', { outcome: 'unknown', error }));
    const again = advance(waiting.saga, { type: 'tick' }, 5000);

    expect(started.commands).toEqual([
      { type: 'call', branchId: 'pay', op: 'action', round: 1, attempt: 1, input: null },
    ]);
    expect(again.commands).toMatchObject([{ op: 'action', round: 1, attempt: 2 }]);
    expect(payOf(again)).toMatchObject({ state: 'calling', startedAt: NOW, dueAt: NOW + 15_000 });
  });
});

describe('a call whose time is up', () => {
  test('is repeated when that is noticed, not by what else happens before', () => {
    const saga = sagaOfPay(CALLING);

    const other = advance(saga, replyTo('action', DONE, { branchId: 'mail' }), 20_000);
    const noticed = advance(other.saga, { type: 'tick' }, 20_000);

    expect(other.commands).toEqual([]);
    expect(payOf(noticed)).toMatchObject({ state: 'unknown', isInFlight: false, dueAt: NOW + 21_000 });
  });
});

describe('after the end', () => {
  const events: SagaEvent[] = [{ type: 'start' }, CLAIM, { type: 'tick' }, act('abort'), act('retry')];

  test.each(['committed', 'aborted'] as const)('nothing but a late reply may come: %s', (state) => {
    const saga = sagaOfPay({ state: 'done' }, { saga: { state, endedAt: NOW } });

    expect(advance(saga, replyTo('action', DONE))).toEqual({
      saga,
      commands: [],
      durability: 'lazy',
    });
    for (const event of events) {
      expect(() => advance(saga, event)).toThrow(new IllegalTransitionError(state, event.type));
    }
  });
});

describe('a takeover', () => {
  test.each<[string, Partial<Branch>, Partial<Saga>, Partial<Branch>]>([
    ['repeats a call as the same attempt', { ...CALLING, attempt: 3 }, {}, { attempt: 3, isInFlight: true }],
    ['repeats an undo as the same attempt', COMPENSATING, ABORTING, { attempt: 1, isInFlight: true }],
    ['lets what waits wait on', UNKNOWN, {}, UNKNOWN],
    [
      'leaves what is stuck',
      { ...UNKNOWN, dueAt: undefined, stuck: stuckAt(NOW) },
      {},
      { stuck: stuckAt(NOW) },
    ],
  ])('%s', (...[, change, saga, expected]) => {
    const after = advance(sagaOfPay(change, { saga }), CLAIM);

    expect(payOf(after)).toMatchObject(expected);
    expect(after.saga.memory).toBe('broken');
  });

  test('is what breaks the memory of all that was sent', () => {
    const { saga } = advance(acceptedSaga(planOf(step('pay'))), { type: 'start' });

    const claimed = advance(saga, CLAIM);

    expect([saga.memory, claimed.saga.memory]).toEqual(['unbroken', 'broken']);
  });

  test('gives a call at an endpoint without a barrier the time it had', () => {
    const after = advance(sagaOfPay(CALLING, { step: { hasBarrier: false } }), CLAIM, 1000);

    expect(payOf(after)).toMatchObject(CALLING);
  });

  test('of an abort does not look again and again at a call whose undo has to wait', () => {
    const after = advance(callingUnderUndo(), CLAIM, 20_000);

    expect(payOf(after)).toMatchObject({ state: 'calling', isInFlight: false, dueAt: undefined });
    expect(nextDueAt(after.saga)).toBeGreaterThan(NOW + 20_000);
  });

  test('before the abort makes it undo what the row does not know of, where a barrier makes that harmless', () => {
    const steps = [
      step('a'),
      step('b'),
      step('c', { hasBarrier: false }),
      step('d', { pivot: true, canUndo: false }),
    ];
    const started = advance(acceptedSaga(serialPlan(...steps)), { type: 'start' });

    const claimed = advance(started.saga, CLAIM);
    const aborted = advance(claimed.saga, act('abort'));

    expect(aborted.commands.map(({ op, branchId }) => `${op} ${branchId}`)).toEqual(['compensate b']);
    expect(aborted.saga.branches.map(({ wasSent }) => wasSent)).toEqual([true, true, false, false]);
  });

  test.each<[OperatorAct['type'], string[]]>([
    ['abort', ['compensate pay']],
    ['pause', []],
  ])('for the act %s carries it out before any step that would be due', (type, expected) => {
    const row = acceptedSaga(planOf(step('pay', { pivot: true })));

    const { saga, commands, durability } = advance(row, { ...CLAIM, act: act(type) });

    expect(commands.map(({ op, branchId }) => `${op} ${branchId}`)).toEqual(expected);
    expect(durability).toBe('first');
    expect(saga.history.slice(1, 3).map(({ what }) => what)).toEqual(['claimed', `operator-${type}`]);
  });

  test('after the abort adds nothing to what is undone', () => {
    const started = advance(acceptedSaga(serialPlan(step('a'), step('b'))), { type: 'start' });
    const aborted = advance(started.saga, act('abort'));

    const claimed = advance(aborted.saga, CLAIM);

    expect(claimed.commands.map(({ op, branchId }) => `${op} ${branchId}`)).toEqual(['compensate a']);
  });
});

test('a branch that the plan does not have is a defect of who asks for it', () => {
  const saga = sagaOfPay({});

  expect(() => branchOf(saga, 'x')).toThrow(new Error('Transaction g1 has no branch x.'));
  expect(() => stepOf(saga, 'x')).toThrow(new Error('Transaction g1 has no step x.'));
});

describe('an abort', () => {
  test.each<[string, SagaEvent]>([
    [
      'an attempt without an answer',
      replyTo('action', { outcome: 'unknown', error: { class: 'error', message: 'x' } }),
    ],
    [
      'an error in the code',
      replyTo('action', { outcome: 'unknown', error: { class: 'code', message: 'x' } }),
    ],
    ['a participant that is still at it', replyTo('action', { outcome: 'not-yet', retryAfterMs: 1000 })],
    ['an action that came after its undo', replyTo('action', { outcome: 'already-undone' })],
  ])('whose undo of a step has to wait does not ask for the action again: %s', (_, event) => {
    const after = advance(callingUnderUndo(), event);

    expect(payOf(after)).toMatchObject({ isInFlight: false, dueAt: undefined });
    expect(payOf(after).stuck).toBeUndefined();
    expect(nextDueAt(after.saga)).toBe(NOW + 5000);
  });

  test('keeps beside a call that came after its undo what is wrong with it', () => {
    const after = advance(callingUnderUndo(), replyTo('action', { outcome: 'already-undone' }));

    expect(payOf(after).lastError).toEqual({
      class: 'error',
      message: 'The action came after its undo.',
      at: NOW,
    });
  });

  test.each([
    ['is being skipped', CALLING],
    ['gave no answer to its skip', UNKNOWN],
  ])('leaves a step that was never sent as if nothing had been asked of it: it %s', (_, change) => {
    const saga = sagaOfPay({ ...change, wasSent: false, closing: ANN, mayBeClosed: true });

    expect(payOf(advance(saga, act('abort')))).toMatchObject({
      state: 'pending',
      isInFlight: false,
      closing: undefined,
    });
  });

  test.each([
    ['is being skipped', CALLING],
    ['gave no answer to its skip', UNKNOWN],
  ])('leaves a refused step as refused: it %s', (_, change) => {
    const refusal = { reason: 'no', isStored: true };
    const saga = sagaOfPay({ ...change, refusal, closing: ANN, mayBeClosed: true });

    expect(payOf(advance(saga, act('abort')))).toMatchObject({ state: 'refused', isInFlight: false });
  });

  test('undoes what its skip has found done, though nobody knows of a call', () => {
    const after = advance(sagaOfPay({ state: 'done', wasSent: false }), act('abort'));

    expect(after.commands.map(({ op, branchId }) => `${op} ${branchId}`)).toContain('compensate pay');
  });

  test('does not undo a refused step that was skipped at an endpoint without a barrier', () => {
    const refusal = { reason: 'no', isStored: true };
    const skip = { ...ANN, op: 'action' } as const;
    const saga = sagaOfPay(
      { state: 'skipped', wasSent: true, refusal, skip },
      { step: { hasBarrier: false } },
    );

    expect(payOf(advance(saga, act('abort'))).state).toBe('skipped');
  });

  test('frees the one side of a diamond that is stuck when the other side refuses', () => {
    const saga = sagaOfPay({ ...UNKNOWN, dueAt: undefined, stuck: stuckAt(NOW) });
    const refusal = { reason: 'no', isStored: true };

    const after = advance(saga, replyTo('action', { outcome: 'refused', refusal }, { branchId: 'mail' }));

    expect(payOf(after)).toMatchObject({ state: 'compensating', stuck: undefined, isInFlight: true });
  });
});

describe('the deadline', () => {
  const late = { deadlineAt: NOW - 1 };

  test.each<[string, Saga, Saga['state']]>([
    ['aborts what is undecided', sagaOfPay(CALLING, { saga: late }), 'aborting'],
    [
      'does not abort a pivot that was sent',
      sagaOfPay(CALLING, { saga: late, step: { pivot: true } }),
      'running',
    ],
    ['does not abort a commit', sagaOfPay(CALLING, { saga: { ...late, state: 'committing' } }), 'committing'],
    [
      'does not abort while paused',
      sagaOfPay(CALLING, { saga: { ...late, paused: { ...ANN, since: NOW } } }),
      'running',
    ],
    [
      'aborts what is stuck by an error in the code',
      sagaOfPay({ ...UNKNOWN, dueAt: undefined, stuck: { ...stuckAt(NOW), reason: 'code' } }, { saga: late }),
      'aborting',
    ],
  ])('%s', (...[, saga, state]) => {
    expect(advance(saga, { type: 'tick' }).saga.state).toBe(state);
  });

  test('does not abort what the last answer has completed', () => {
    const started = advance(acceptedSaga(planOf(step('pay')), NOW + 1000), { type: 'start' });

    const after = advance(started.saga, replyTo('action', DONE), 2000);

    expect([after.saga.state, after.durability]).toEqual(['committed', 'end']);
  });
});

describe('what is shown', () => {
  test('the oldest of the stuck branches', () => {
    const saga = sagaOfPay({ stuck: stuckAt(NOW) });
    const branches = saga.branches.map((branch) => ({ ...branch, stuck: branch.stuck ?? stuckAt(NOW - 5) }));

    expect(stuckOf({ ...saga, branches })?.branchId).toBe('mail');
    expect(stuckOf(sagaOfPay({}))).toBeUndefined();
  });

  test('the outcome, as the state tells it', () => {
    const states = ['active', 'running', 'committing', 'committed', 'aborting', 'aborted'] as const;

    expect(states.map(outcomeOf)).toEqual([
      'undecided',
      'undecided',
      'committed',
      'committed',
      'aborted',
      'aborted',
    ]);
  });

  test('the beginning and the latest of a long history, and how much is missing in between', () => {
    let { saga } = advance(acceptedSaga(planOf(step('pay'))), { type: 'start' });
    for (let count = 0; count < 150; count += 1) {
      saga = advance(saga, act('pause'), count).saga;
      saga = advance(saga, act('resume'), count).saga;
    }

    expect(saga.history).toHaveLength(200);
    expect(saga.historyDroppedCount).toBe(101);
    expect(saga.history[0]).toMatchObject({ what: 'accepted' });
    expect(saga.history.at(-1)).toMatchObject({ what: 'operator-resume', at: NOW + 149 });
  });
});

/** An abort that came while `pay` was called: `mail`, which comes after it, is undone first. */
function callingUnderUndo(): Saga {
  return { ...sagaOfPay(CALLING, { saga: ABORTING }), plan: serialPlan(step('pay'), step('mail')) };
}

function stuckAt(since: number): NonNullable<Branch['stuck']> {
  return { reason: 'unknown-outcome', message: 'slow', since };
}
