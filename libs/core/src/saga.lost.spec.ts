import { describe, expect, test } from '@jest/globals';
import type { BranchReply } from './saga.event.js';
import type { Branch, Saga } from './saga.state.js';
import { act, advance, COMPENSATING, payOf, replyTo, sagaOfPay } from './testing/sagas.js';

const EMPTY: BranchReply = { outcome: 'undone', wasEmpty: true };
const UNDONE: BranchReply = { outcome: 'undone', wasEmpty: false };

/** The action has answered; then the saga was aborted, and its undo is under way. */
function undoing(branch: Partial<Branch> = {}): Saga {
  return sagaOfPay({ ...COMPENSATING, output: { receipt: 7 }, ...branch }, { saga: { state: 'aborting' } });
}

describe('a branch that was done, and whose undo finds nothing', () => {
  test('is stuck as lost, on disk first, and is not called compensated', () => {
    const lost = advance(undoing(), replyTo('compensate', EMPTY));

    expect(payOf(lost)).toMatchObject({
      state: 'compensating',
      isInFlight: false,
      stuck: { reason: 'branch-lost' },
    });
    expect(lost.saga.state).toBe('aborting');
    expect(lost.durability).toBe('first');
  });

  test('is told once', () => {
    const { saga } = advance(undoing(), replyTo('compensate', EMPTY));

    expect(advance(saga, replyTo('compensate', EMPTY)).saga).toBe(saga);
  });

  test('is undone after all where an operator has it asked again, and the right database answers', () => {
    const lost = advance(undoing(), replyTo('compensate', EMPTY)).saga;

    const { saga: retried, commands } = advance(lost, act('retry', 'pay'));
    const undone = advance(retried, replyTo('compensate', UNDONE));

    expect(commands).toMatchObject([{ op: 'compensate', branchId: 'pay' }]);
    expect(payOf(undone)).toMatchObject({ state: 'compensated', stuck: undefined });
  });

  test.each([EMPTY, { outcome: 'closed' } as const])(
    'can be skipped by an operator who knows better',
    (answer) => {
      const lost = advance(undoing(), replyTo('compensate', EMPTY)).saga;

      const { saga: skipping } = advance(lost, act('skip', 'pay'));
      const skipped = advance(skipping, replyTo('close-compensate', answer));

      expect(payOf(skipped)).toMatchObject({ state: 'skipped', skip: { op: 'compensate' } });
    },
  );
});

test('a branch that has given no answer is compensated by an undo that finds nothing', () => {
  const undone = advance(undoing({ output: undefined }), replyTo('compensate', EMPTY));

  expect(payOf(undone).state).toBe('compensated');
});
