import { describe, expect, test } from '@jest/globals';
import type { BranchReply } from './saga.event.js';
import type { Branch, BranchOp, Saga } from './saga.state.js';
import { advance, CALLING, COMPENSATING, NOW, payOf, replyTo, sagaOfPay, UNKNOWN } from './testing/sagas.js';

const REPLIES = {
  done: { outcome: 'done', output: 1 },
  refused: { outcome: 'refused', refusal: { reason: 'no', isStored: true } },
  undone: { outcome: 'undone', wasEmpty: false },
  'already-undone': { outcome: 'already-undone' },
  closed: { outcome: 'closed' },
  'not-yet': { outcome: 'not-yet', retryAfterMs: 2000 },
  unknown: { outcome: 'unknown', error: { class: 'unreachable', message: 'down' } },
  code: { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } },
} as const satisfies Record<string, BranchReply>;

const STATES = {
  pending: {},
  calling: CALLING,
  unknown: UNKNOWN,
  done: { state: 'done', wasSent: true, output: 1 },
  refused: { state: 'refused', wasSent: true, refusal: REPLIES.refused.refusal, dueAt: NOW + 1000 },
  compensating: COMPENSATING,
  compensated: { state: 'compensated', wasSent: true },
  skipped: { state: 'skipped' },
  closing: { ...CALLING, closing: { by: 'ann', reason: 'because' }, mayBeClosed: true },
  'to be skipped in its turn': { closing: { by: 'ann', reason: 'because' } },
  'closing its undo': { ...COMPENSATING, closing: { by: 'ann', reason: 'because' }, mayBeClosed: true },
} as const satisfies Record<string, Partial<Branch>>;

type Outcome = keyof typeof REPLIES;

/** What becomes of a branch in a state by each reply to an op; a reply that is not listed is ignored. */
const TABLE: readonly {
  readonly op: BranchOp;
  readonly saga: Saga['state'];
  readonly becomes: Partial<Record<keyof typeof STATES, Partial<Record<Outcome, string>>>>;
}[] = [
  {
    op: 'action',
    saga: 'running',
    becomes: {
      calling: {
        done: 'done',
        refused: 'refused',
        'already-undone': 'calling, stuck mixed',
        'not-yet': 'calling',
        unknown: 'unknown',
        code: 'unknown, stuck code',
      },
      unknown: { done: 'done', refused: 'refused', 'already-undone': 'unknown, stuck mixed' },
      closing: { done: 'done', refused: 'skipped', 'already-undone': 'calling, stuck mixed' },
    },
  },
  {
    op: 'close-action',
    saga: 'running',
    becomes: {
      closing: {
        done: 'done',
        closed: 'skipped',
        'already-undone': 'calling, stuck mixed',
        'not-yet': 'calling',
        unknown: 'unknown',
        code: 'unknown, stuck code',
      },
      calling: { done: 'done', 'already-undone': 'calling, stuck mixed' },
      unknown: { done: 'done', 'already-undone': 'unknown, stuck mixed' },
    },
  },
  {
    op: 'compensate',
    saga: 'aborting',
    becomes: {
      compensating: {
        undone: 'compensated',
        refused: 'compensating, stuck refused',
        'not-yet': 'compensating',
        unknown: 'compensating',
        code: 'compensating, stuck code',
      },
      'closing its undo': { undone: 'compensated', refused: 'skipped' },
    },
  },
  {
    op: 'close-compensate',
    saga: 'aborting',
    becomes: {
      'closing its undo': {
        undone: 'compensated',
        closed: 'skipped',
        'not-yet': 'compensating',
        unknown: 'compensating',
        code: 'compensating, stuck code',
      },
      compensating: { undone: 'compensated' },
    },
  },
];

describe('a reply', () => {
  for (const { op, saga: state, becomes } of TABLE) {
    for (const [name, change] of Object.entries(STATES)) {
      for (const [outcome, reply] of Object.entries(REPLIES)) {
        const expected = becomes[name as keyof typeof STATES]?.[outcome as Outcome] ?? 'ignored';

        test(`${outcome} to the ${op} of a branch that is ${name}: ${expected}`, () => {
          const saga = sagaOfPay(change, { step: { onRefusal: 'retry' }, saga: { state } });

          const after = advance(saga, replyTo(op, reply));

          const { state: is, stuck } = payOf(after);
          const shown = `${is}${stuck === undefined ? '' : `, stuck ${stuck.reason}`}`;
          expect(after.saga === saga ? 'ignored' : shown).toBe(expected);
        });
      }
    }
  }

  test('of another round is ignored', () => {
    const saga = sagaOfPay({ ...CALLING, round: 2 });

    expect(advance(saga, replyTo('action', REPLIES.done)).saga).toBe(saga);
    expect(payOf(advance(saga, replyTo('action', REPLIES.done, { round: 2 }))).state).toBe('done');
  });

  test('of an earlier attempt counts when it is definite, and only then', () => {
    const saga = sagaOfPay({ ...CALLING, attempt: 2 });

    expect(payOf(advance(saga, replyTo('action', REPLIES.done))).state).toBe('done');
    expect(advance(saga, replyTo('action', REPLIES.unknown)).saga).toBe(saga);
    expect(advance(saga, replyTo('action', REPLIES['not-yet'])).saga).toBe(saga);
  });

  test('for a step that the plan does not have is ignored', () => {
    const saga = sagaOfPay(CALLING);

    expect(advance(saga, replyTo('action', REPLIES.done, { branchId: 'nothing' })).saga).toBe(saga);
  });

  test('that the action came after its undo is told once', () => {
    const told = advance(sagaOfPay(CALLING), replyTo('action', REPLIES['already-undone']));

    const again = advance(told.saga, replyTo('action', REPLIES['already-undone']));

    expect(again.saga).toBe(told.saga);
    expect(payOf(again).stuck).toEqual({
      reason: 'mixed',
      message: 'The participant has undone this branch, yet nobody decided to abort.',
      since: NOW,
    });
  });

  test('that comes after all frees a stuck branch, durably', () => {
    const stuck = { reason: 'unknown-outcome', message: 'slow', since: NOW } as const;
    const saga = sagaOfPay({ ...UNKNOWN, dueAt: undefined, stuck });

    const after = advance(saga, replyTo('action', REPLIES.done));

    expect(payOf(after)).toMatchObject({ state: 'done', stuck: undefined });
    expect(after.durability).toBe('first');
  });

  test('of a participant without end is kept in a size that a row can hold', () => {
    const message = `${'x'.repeat(3999)}\u{1f600}${'x'.repeat(9999)}`;

    const after = advance(
      sagaOfPay(CALLING),
      replyTo('action', { outcome: 'unknown', error: { class: 'code', message } }),
    );

    expect(payOf(after).lastError?.message).toBe(`${'x'.repeat(3999)}…`);
    expect(payOf(after).stuck?.message.length).toBeLessThanOrEqual(4001);
    expect(Math.max(...after.saga.history.map((entry) => entry.message?.length ?? 0))).toBe(501);
  });

  test('that is just short enough is kept as it is', () => {
    const error = { class: 'error', message: 'x'.repeat(4000) } as const;

    const after = advance(sagaOfPay(CALLING), replyTo('action', { outcome: 'unknown', error }));

    expect(payOf(after).lastError?.message).toBe(error.message);
  });
});

describe('not yet', () => {
  test.each([
    [0, 1000],
    [2000, 2000],
    [1e300, 3_600_000],
  ])('with a pause of %d ms is asked again after %d ms, as the same attempt', (retryAfterMs, waitMs) => {
    const after = advance(sagaOfPay(CALLING), replyTo('action', { outcome: 'not-yet', retryAfterMs }));

    expect(payOf(after)).toMatchObject({ isInFlight: false, attempt: 0, dueAt: NOW + waitMs });
  });
});

describe('a refusal that is not stored', () => {
  const reply = { outcome: 'refused', refusal: { reason: 'no', isStored: false } } as const;

  test.each([
    ['a step that can be undone', { canUndo: true }, 'compensating'],
    ['a pivot, for a repeat may say yes', { canUndo: true, pivot: true }, 'unknown'],
    ['a step without a compensation', { canUndo: false }, 'unknown'],
    ['an endpoint without a barrier that can be undone', { hasBarrier: false }, 'compensating'],
    [
      'a pivot without a barrier, since the row stores it',
      { hasBarrier: false, pivot: true, canUndo: false },
      'refused',
    ],
  ])('of %s', (_, step, expected) => {
    const after = advance(sagaOfPay(CALLING, { step }), replyTo('action', reply));

    expect(payOf(after).state).toBe(expected);
  });

  test('is on record as an attempt without an answer where a repeat may say yes', () => {
    const after = advance(sagaOfPay(CALLING, { step: { pivot: true } }), replyTo('action', reply));

    expect(payOf(after).lastError).toEqual({
      class: 'error',
      message: 'Refused, but not for good: no',
      at: NOW,
    });
  });

  test('of an undo is a refusal, also at a pivot', () => {
    const saga = sagaOfPay(COMPENSATING, { step: { pivot: true }, saga: { state: 'aborting' } });

    const after = advance(saga, replyTo('compensate', reply));

    expect(payOf(after)).toMatchObject({
      refusal: reply.refusal,
      stuck: { reason: 'refused', message: 'The compensation was refused: no' },
    });
  });

  test('that is late does not set a stuck pivot going again', () => {
    const stuck = { reason: 'code', message: 'TypeError', since: NOW } as const;
    const saga = sagaOfPay({ ...UNKNOWN, dueAt: undefined, stuck }, { step: { pivot: true } });

    expect(advance(saga, replyTo('action', reply)).saga).toBe(saga);
  });
});

describe('out of attempts', () => {
  const last = { ...CALLING, attempt: 3 };
  const noAnswer = replyTo('action', REPLIES.unknown, { attempt: 3 });

  test('a step that can be undone aborts the saga', () => {
    const after = advance(sagaOfPay(last), noAnswer);

    expect(after.saga.abort).toEqual({
      code: 'attempts',
      branchId: 'pay',
      message: "Step 'pay' gave no answer in 3 attempts: down",
    });
    expect(after.durability).toBe('first');
  });

  test('a pivot is stuck', () => {
    const after = advance(sagaOfPay(last, { step: { pivot: true } }), noAnswer);

    expect(payOf(after).stuck?.reason).toBe('participant-down');
    expect(after.saga.state).toBe('running');
  });

  test('a closing is stuck, for the operator who asked for it', () => {
    const closing = { by: 'ann', reason: 'because' };
    const saga = sagaOfPay({ ...last, closing, mayBeClosed: true });

    const after = advance(saga, replyTo('close-action', REPLIES.unknown, { attempt: 3 }));

    expect(payOf(after)).toMatchObject({ stuck: { reason: 'participant-down' }, mayBeClosed: true });
    expect(after.saga.state).toBe('running');
  });

  test.each([
    ['unreachable', 'participant-down'],
    ['timeout', 'unknown-outcome'],
    ['error', 'unknown-outcome'],
    ['action-gone', 'code-gone'],
  ] as const)('by %s an undo is stuck: %s', (errorClass, reason) => {
    const saga = sagaOfPay({ ...COMPENSATING, attempt: 3 }, { saga: { state: 'aborting' } });
    const error = { class: errorClass, message: 'x' };

    const after = advance(saga, replyTo('compensate', { outcome: 'unknown', error }, { attempt: 3 }));

    expect(payOf(after)).toMatchObject({ stuck: { reason, since: NOW }, dueAt: undefined });
  });

  test.each(['bad-payload', 'code'] as const)('is not waited for where it is no use: %s', (errorClass) => {
    const error = { class: errorClass, message: 'x' };

    const after = advance(sagaOfPay(CALLING), replyTo('action', { outcome: 'unknown', error }));

    expect(payOf(after).stuck?.reason).toBe(errorClass);
  });
});

describe('a step that may no longer abort', () => {
  test('is asked again in a new round, and when the rounds are out it is stuck', () => {
    const step = { onRefusal: 'retry' } as const;
    const refused = replyTo('action', REPLIES.refused);
    const committing = { state: 'committing' } as const;

    const again = advance(sagaOfPay(CALLING, { step, saga: committing }), refused);
    const out = advance(sagaOfPay({ ...CALLING, round: 3 }, { step, saga: committing }), {
      ...refused,
      round: 3,
    });

    expect(payOf(again)).toMatchObject({ state: 'refused', dueAt: NOW + 1000 });
    expect(payOf(out)).toMatchObject({ state: 'refused', stuck: { reason: 'refused' }, dueAt: undefined });
  });
});
