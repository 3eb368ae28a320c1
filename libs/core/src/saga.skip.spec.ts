import { describe, expect, test } from '@jest/globals';
import { ActRefusedError } from './errors.js';
import type { BranchReply, OperatorAct } from './saga.event.js';
import { nextDueAt, stuckOf } from './saga.state.js';
import {
  decision,
  DOWN,
  END_ATTEMPT_COUNT_MAX,
  LedStory,
  ledBranch,
  LOST,
  plainBranch,
  UNDONE,
} from './testing/leds.js';
import { act, advance, ANN, payOf, sagaOfPay, UNKNOWN } from './testing/sagas.js';

const DEFECT: BranchReply = { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } };
const CLOSED: BranchReply = { outcome: 'closed' };

/** Returns an abort whose second branch belongs to a service that nobody offers (any more). */
function abortBehindGhost(): LedStory {
  const ghost = ledBranch('2', { service: 'ghost' });
  return LedStory.decided(decision('abort', [ledBranch('1'), ghost, plainBranch('3')])).answer('3', UNDONE);
}

/** Returns it when an operator has skipped the second branch, and the first attempt to close it went unanswered. */
function skippedUnanswered(): LedStory {
  return abortBehindGhost().answer('2', DOWN).take(act('skip', '2')).answer('2', DOWN);
}

function forced(branchId: string): OperatorAct {
  return { type: 'skip', ...ANN, branchId, force: true };
}

/** Lets every attempt that is due be answered as unreachable, until nothing is due any more. */
function exhaust(story: LedStory, branchId: string): void {
  for (let attempt = 1; attempt <= END_ATTEMPT_COUNT_MAX; attempt += 1) {
    story.answer(branchId, DOWN);
    if (story.branch(branchId).stuck === undefined) {
      story.take({ type: 'tick' }, 60_000);
    }
  }
}

describe('a skip that the participant does not acknowledge', () => {
  test('lets those go on that wait behind the branch', () => {
    const story = abortBehindGhost().answer('2', DOWN);

    expect(story.take(act('skip', '2')).sentNow).toEqual(['close-compensate 2']);
    expect(story.answer('2', DOWN).sentNow).toEqual(['compensate 1']);
    story.answer('1', UNDONE);
    expect(story.states).toEqual({ '1': 'compensated', '2': 'compensating', '3': 'compensated' });
    expect(story.saga.state).toBe('aborting');
  });

  test('ends the transaction when it is acknowledged', () => {
    const story = skippedUnanswered().answer('1', UNDONE).take({ type: 'tick' }, 60_000);

    story.answer('2', CLOSED);

    expect(story.saga.state).toBe('aborted');
    expect(story.branch('2')).toMatchObject({ state: 'skipped', skip: { op: 'compensate' } });
  });

  test('is stuck again in the end, says so, and holds up nobody then either', () => {
    const story = abortBehindGhost().answer('2', DOWN).take(act('skip', '2'));

    exhaust(story, '2');

    expect(stuckOf(story.saga)).toMatchObject({
      branchId: '2',
      reason: 'participant-down',
      message: "The skip of '2' was not acknowledged: down",
    });
    expect(story.answer('1', UNDONE).states).toMatchObject({ '1': 'compensated', '2': 'compensating' });
    expect(() => story.take(act('skip', '2'))).not.toThrow();
  });

  test('that an operator takes back leaves what has begun behind it as it is', () => {
    const story = skippedUnanswered().take({ type: 'tick' }, 5_000).answer('2', DEFECT);
    expect(story.branch('2').stuck?.reason).toBe('code');

    story.take(act('retry', '2'));

    expect(story.last.commands).toMatchObject([{ op: 'compensate', branchId: '2', round: 2 }]);
    story.answer('1', DOWN).take({ type: 'tick' }, 60_000);
    expect(story.sentNow).toContain('compensate 1');
    expect(nextDueAt(story.saga)).toBeDefined();
    expect(story.answer('1', UNDONE).answer('2', UNDONE).saga.state).toBe('aborted');
  });

  test('cannot be asked for a second time, which would change nothing, and names what would', () => {
    const story = abortBehindGhost().answer('2', DOWN).take(act('skip', '2'));

    expect(() => story.take(act('skip', '2'))).toThrow(
      "Branch '2' is being skipped already, and its participant has not acknowledged that yet. " +
        'A skip with `force` leaves it out without.',
    );
  });

  test('is given up by force, on disk before anything else, and the history says what is open', () => {
    const story = skippedUnanswered().answer('1', UNDONE);

    story.take(forced('2'));

    expect(story.saga.state).toBe('aborted');
    expect(story.branch('2')).toMatchObject({ state: 'skipped', skip: { ...ANN, op: 'compensate' } });
    expect(story.saga.history.slice(-3)).toMatchObject([
      { what: 'operator-skip', branchId: '2', by: 'ann', message: 'because (by force)' },
      { what: 'skipped', branchId: '2', message: 'Not acknowledged: an earlier call may still take effect.' },
      { what: 'aborted' },
    ]);
  });

  test('is given up by force when it is stuck again, at a confirm as well', () => {
    const story = LedStory.decided(decision('commit', ['1']))
      .answer('1', LOST)
      .take(act('skip', '1'));
    exhaust(story, '1');

    expect(story.take(forced('1')).saga.state).toBe('committed');
    expect(story.branch('1')).toMatchObject({ state: 'skipped', skip: { op: 'confirm' } });
  });
});

describe('a skip by force', () => {
  test('is refused before the participant was asked', () => {
    const story = abortBehindGhost().answer('2', DOWN);

    expect(() => story.take(forced('2'))).toThrow(
      "Branch '2' was not skipped before, so its participant was not asked to acknowledge it. Skip it without `force` first.",
    );
  });

  test('is refused where the transaction may still abort, and would have to undo the step', () => {
    const saga = sagaOfPay({ ...UNKNOWN, closing: ANN, mayBeClosed: true });

    expect(() => advance(saga, forced('pay'))).toThrow(ActRefusedError);
    expect(() => advance(saga, forced('pay'))).toThrow('The transaction is undecided');
  });

  test('leaves out a step that can only go forward', () => {
    const saga = sagaOfPay(
      { ...UNKNOWN, closing: ANN, mayBeClosed: true },
      { saga: { state: 'committing' } },
    );

    expect(payOf(advance(saga, forced('pay')))).toMatchObject({ state: 'skipped', skip: { op: 'action' } });
  });
});
