import { describe, expect, test } from '@jest/globals';
import { ActRefusedError } from './errors.js';
import { skipHindrance } from './saga.act.js';
import type { OperatorAct } from './saga.event.js';
import type { Branch, Saga } from './saga.state.js';
import { serialPlan, step } from './testing/plans.js';
import {
  acceptedSaga,
  act,
  advance,
  ANN,
  CALLING,
  COMPENSATING,
  NOW,
  payOf,
  sagaOfPay,
  UNKNOWN,
} from './testing/sagas.js';

const STUCK = { reason: 'unknown-outcome', message: 'slow', since: NOW } as const;
const PAUSED = { ...ANN, since: NOW };
const ABORTING = { state: 'aborting' } as const;
const PLAIN = { hasBarrier: false } as const;
const PIVOT = { pivot: true } as const;

describe('an act that the state forbids', () => {
  test.each<[string, OperatorAct, Saga, string]>([
    [
      'retry of all, where nothing waits',
      act('retry'),
      sagaOfPay(CALLING),
      'No branch is stuck or waiting for another attempt, so there is nothing to retry.',
    ],
    [
      'retry of a branch in flight',
      act('retry', 'pay'),
      sagaOfPay(CALLING),
      "Branch 'pay' is not stuck or waiting for another attempt, so there is nothing to retry.",
    ],
    [
      'retry of a stranger',
      act('retry', 'x'),
      sagaOfPay(CALLING),
      "Transaction g1 has no branch 'x'; it has pay, mail.",
    ],
    [
      'skip of what is done',
      act('skip', 'pay'),
      sagaOfPay({ state: 'done' }),
      "Branch 'pay' is done and the transaction running: nothing to skip.",
    ],
    [
      'skip of what is skipped',
      act('skip', 'pay'),
      sagaOfPay({ state: 'skipped' }),
      "Branch 'pay' is skipped and the transaction running: nothing to skip.",
    ],
    [
      'skip of an action in an abort',
      act('skip', 'pay'),
      sagaOfPay(CALLING, { saga: ABORTING }),
      "Branch 'pay' is calling and the transaction aborting: nothing to skip.",
    ],
    [
      'skip of the pivot',
      act('skip', 'pay'),
      sagaOfPay(CALLING, { step: PIVOT }),
      "Branch 'pay' is the pivot: its own answer decides. Retry it, or abort before it is sent.",
    ],
    [
      'skip of a call at an endpoint without a barrier',
      act('skip', 'pay'),
      sagaOfPay(CALLING, { step: PLAIN }),
      "Branch 'pay' is being called at an endpoint that cannot close it. Wait for the answer, then skip.",
    ],
    [
      'skip of a stranger',
      act('skip', 'x'),
      sagaOfPay(CALLING),
      "Transaction g1 has no branch 'x'; it has pay, mail.",
    ],
    [
      'abort after "pivot sent"',
      act('abort'),
      sagaOfPay(CALLING, { step: PIVOT }),
      'Transaction g1 cannot be aborted: its pivot was sent, and only the stored answer of the pivot can tell whether it commits.',
    ],
    [
      'abort of a commit',
      act('abort'),
      sagaOfPay(CALLING, { saga: { state: 'committing' } }),
      'Transaction g1 cannot be aborted: it is committing, and a decision never changes.',
    ],
    [
      'abort of an abort',
      act('abort'),
      sagaOfPay(CALLING, { saga: ABORTING }),
      'Transaction g1 cannot be aborted: it is aborting, and a decision never changes.',
    ],
    [
      'pause of what is paused',
      act('pause'),
      sagaOfPay(CALLING, { saga: { paused: PAUSED } }),
      'Transaction g1 is already paused, by ann.',
    ],
    ['resume of what is not paused', act('resume'), sagaOfPay(CALLING), 'Transaction g1 is not paused.'],
  ])('is refused with the reason: %s', (...[, asked, saga, message]) => {
    expect(() => advance(saga, asked)).toThrow(new ActRefusedError(message));
  });
});

describe('every act', () => {
  test.each<[OperatorAct['type'], Saga]>([
    ['retry', sagaOfPay(UNKNOWN)],
    ['skip', sagaOfPay(UNKNOWN)],
    ['abort', sagaOfPay(UNKNOWN)],
    ['pause', sagaOfPay(UNKNOWN)],
    ['resume', sagaOfPay(UNKNOWN, { saga: { paused: PAUSED } })],
  ])('is on record, durably, before it has consequences: %s', (type, saga) => {
    const after = advance(saga, act(type, type === 'retry' || type === 'skip' ? 'pay' : undefined));

    expect(after.durability).toBe('first');
    expect(after.saga.history).toContainEqual(
      expect.objectContaining({ at: NOW, what: `operator-${type}`, by: 'ann', message: 'because' }),
    );
  });
});

describe('retry', () => {
  test.each<[string, Partial<Branch>, Partial<Saga>, object]>([
    ['asks again at once', UNKNOWN, {}, { op: 'action', round: 1, attempt: 1 }],
    [
      'frees what is stuck',
      { ...UNKNOWN, dueAt: undefined, stuck: STUCK },
      {},
      { op: 'action', round: 1, attempt: 1 },
    ],
    [
      'of a refused undo is a new round',
      { ...COMPENSATING, isInFlight: false, dueAt: undefined, stuck: { ...STUCK, reason: 'refused' } },
      ABORTING,
      { op: 'compensate', round: 2, attempt: 1 },
    ],
    [
      'of an undo that waits is the same round',
      { ...COMPENSATING, isInFlight: false, dueAt: NOW + 1000 },
      ABORTING,
      { op: 'compensate', round: 1, attempt: 1 },
    ],
    [
      'of an undo without an answer is the same round',
      { ...COMPENSATING, isInFlight: false, dueAt: undefined, stuck: STUCK },
      ABORTING,
      { op: 'compensate', round: 1, attempt: 1 },
    ],
    [
      'of a round that may be closed is a new round',
      { ...UNKNOWN, dueAt: undefined, stuck: STUCK, mayBeClosed: true },
      {},
      { op: 'action', round: 2, attempt: 1 },
    ],
    [
      'of an undo that may be closed is a new round',
      { ...COMPENSATING, isInFlight: false, dueAt: undefined, stuck: STUCK, mayBeClosed: true },
      ABORTING,
      { op: 'compensate', round: 2, attempt: 1 },
    ],
    [
      'while a round is being closed asks for that again',
      { ...UNKNOWN, closing: ANN, mayBeClosed: true },
      {},
      { op: 'close-action', round: 1, attempt: 1 },
    ],
    [
      'of a refused step is its next round',
      { state: 'refused', wasSent: true, round: 3, stuck: { ...STUCK, reason: 'refused' } },
      {},
      { op: 'action', round: 4, attempt: 1 },
    ],
  ])('%s', (...[, change, saga, command]) => {
    const before = sagaOfPay(change, { step: { onRefusal: 'retry' }, saga });

    const after = advance(before, act('retry', 'pay'));

    expect(after.commands).toMatchObject([{ branchId: 'pay', ...command }]);
    expect(payOf(after).isInFlight).toBe(true);
    expect(payOf(after).stuck).toBeUndefined();
    expect(after.durability).toBe('first');
  });

  test('of all asks whatever waits or is stuck, and leaves alone what is in flight', () => {
    const after = advance(sagaOfPay({ ...UNKNOWN, dueAt: undefined, stuck: STUCK }), act('retry'));

    expect(after.commands.map(({ branchId }) => branchId)).toEqual(['pay']);
  });
});

describe('skip', () => {
  test.each<[string, Partial<Branch>, Partial<Saga>, string]>([
    ['of a call in flight', CALLING, {}, 'close-action'],
    ['of what waits', UNKNOWN, {}, 'close-action'],
    ['of what is stuck', { ...UNKNOWN, dueAt: undefined, stuck: STUCK }, {}, 'close-action'],
    ['of a refused step', { state: 'refused', wasSent: true, dueAt: NOW + 1000 }, {}, 'close-action'],
    ['of an undo', COMPENSATING, ABORTING, 'close-compensate'],
  ])('%s first closes the round at the participant', (...[, change, saga, op]) => {
    const after = advance(sagaOfPay(change, { saga }), act('skip', 'pay'));

    expect(after.commands).toMatchObject([{ branchId: 'pay', op, round: 1, attempt: 1 }]);
    expect(payOf(after)).toMatchObject({ closing: ANN, mayBeClosed: true });
    expect(payOf(after).stuck).toBeUndefined();
  });

  test('at an endpoint without a barrier needs no answer', () => {
    const after = advance(sagaOfPay(UNKNOWN, { step: PLAIN }), act('skip', 'pay'));

    expect(payOf(after)).toMatchObject({
      state: 'skipped',
      skip: { ...ANN, op: 'action' },
      dueAt: undefined,
    });
  });

  test('is refused where another step needs the output, and nowhere else', () => {
    const mail = step('mail', { input: [{ $from: 'stock' }, { $from: '$input' }] });
    const saga = acceptedSaga(serialPlan(step('stock'), step('pay'), mail));

    expect(skipHindrance(saga, 'stock')).toBe(
      "Step 'mail' needs the output of 'stock', so it cannot be skipped.",
    );
    expect(skipHindrance(saga, 'pay')).toBeUndefined();
  });

  test('of an undo at an endpoint without a barrier needs no answer either', () => {
    const after = advance(sagaOfPay(COMPENSATING, { step: PLAIN, saga: ABORTING }), act('skip', 'pay'));

    expect(payOf(after)).toMatchObject({ state: 'skipped', skip: { ...ANN, op: 'compensate' } });
  });
});

describe('a paused saga', () => {
  test('does not abort because its attempts are out, even when several are', () => {
    const spent = { ...UNKNOWN, isInFlight: false, attempt: 3 };
    const both = sagaOfPay(spent, { saga: { paused: PAUSED } });
    const saga = { ...both, branches: both.branches.map((branch) => ({ ...branch, ...spent })) };

    const paused = advance(saga, { type: 'tick' }, 60_000);
    const resumed = advance(paused.saga, act('resume'), 60_000);

    expect(paused.saga).toBe(saga);
    expect(resumed.saga).toMatchObject({ state: 'aborting', abort: { code: 'attempts', branchId: 'pay' } });
    expect(resumed.saga.branches.map(({ stuck }) => stuck)).toEqual([undefined, undefined]);
    expect(resumed.commands.map(({ op }) => op)).toEqual(['compensate', 'compensate']);
  });

  test('asks a refused step again after the resume, however many attempts its last round took', () => {
    const refused = { ...UNKNOWN, state: 'refused', attempt: 3 } as const;
    const saga = sagaOfPay(refused, { step: { onRefusal: 'retry' }, saga: { paused: PAUSED } });

    const resumed = advance(saga, act('resume'), 1000);

    expect(resumed.saga.state).toBe('running');
    expect(resumed.commands).toMatchObject([{ branchId: 'pay', op: 'action', round: 2, attempt: 1 }]);
  });

  test('that is aborted sends its undos only after the resume', () => {
    const aborted = advance(sagaOfPay(CALLING, { saga: { paused: PAUSED } }), act('abort'));
    const resumed = advance(aborted.saga, act('resume'));

    expect([aborted.saga.state, aborted.commands]).toEqual(['aborting', []]);
    expect(resumed.commands.map(({ op }) => op)).toEqual(['compensate', 'compensate']);
  });
});
