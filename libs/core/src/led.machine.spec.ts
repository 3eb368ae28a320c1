import { describe, expect, test } from '@jest/globals';
import { ActRefusedError, IllegalTransitionError } from './errors.js';
import type { BranchReply, SagaEvent } from './saga.event.js';
import { nextDueAt, stuckOf } from './saga.state.js';
import { act, NOW } from './testing/sagas.js';
import {
  active,
  CONFIRMED,
  DEADLINE_MS,
  decided,
  decision,
  DOWN,
  END_ATTEMPT_COUNT_MAX,
  LedStory,
  ledBranch,
  LOST,
  NO,
  plainBranch,
  REPLY_TIMEOUT_MS,
  UNDONE,
} from './testing/leds.js';

const CLOSED: BranchReply = { outcome: 'closed' };
const TICK: SagaEvent = { type: 'tick' };
const CLAIM: SagaEvent = { type: 'claim', by: 'c2' };

describe('a commit', () => {
  test('confirms all branches on the list at once and ends when the last has confirmed', () => {
    const story = LedStory.decided(decision('commit', ['1', '2', '3']));

    expect(story.sentNow).toEqual(['confirm 1', 'confirm 2', 'confirm 3']);
    expect(story.last.commands[0]).toEqual({
      type: 'call',
      branchId: '1',
      op: 'confirm',
      round: 1,
      attempt: 1,
    });
    expect(story.answer('2', CONFIRMED).answer('3', CONFIRMED).saga.state).toBe('committing');
    expect(story.answer('1', CONFIRMED, { attempt: 1 }).saga).toMatchObject({
      state: 'committed',
      endedAt: NOW,
    });
    expect(story.last.durability).toBe('end');
    expect(story.branch('1')).toMatchObject({ state: 'confirmed', endedAt: NOW, isInFlight: false });
  });

  test('undoes what threw in reverse order, beside the confirms, and ends only after that', () => {
    const thrown = [ledBranch('2'), ledBranch('4')];
    const story = LedStory.decided(decision('commit', ['1', '3'], { thrown }));

    expect(story.sentNow).toEqual(['confirm 1', 'confirm 3', 'compensate 4']);
    expect(story.answer('1', CONFIRMED).sentNow).toEqual([]);
    expect(story.answer('4', UNDONE).sentNow).toEqual(['compensate 2']);
    expect(story.answer('3', CONFIRMED).saga.state).toBe('committing');
    expect(story.answer('2', UNDONE).saga.state).toBe('committed');
    expect(story.states).toEqual({
      '1': 'confirmed',
      '2': 'compensated',
      '3': 'confirmed',
      '4': 'compensated',
    });
  });

  test('confirms once, however often it is answered', () => {
    const story = LedStory.decided(decision('commit', ['1', '2'])).answer('1', CONFIRMED);

    const { saga } = story;
    expect(story.answer('1', CONFIRMED).last).toEqual({ saga, commands: [], durability: 'lazy' });
  });

  test('keeps a late answer from changing the end (S2)', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', CONFIRMED);

    const { saga } = story;
    expect(story.answer('1', NO).saga).toBe(saga);
    expect(() => story.take(TICK)).toThrow(IllegalTransitionError);
  });

  test('writes an answer lazily: the barriers can tell it again', () => {
    const story = LedStory.decided(decision('commit', ['1', '2']));

    expect(story.last.durability).toBe('lazy');
    expect(story.answer('1', CONFIRMED).last.durability).toBe('lazy');
  });

  test.each<[string, BranchReply]>([
    ['a yes to an action', { outcome: 'done', output: null }],
    ['a yes to an undo', UNDONE],
    ['a closed round', CLOSED],
  ])('is not answered by %s', (_what, reply) => {
    const story = LedStory.decided(decision('commit', ['1']));

    const { saga } = story;
    expect(story.answer('1', reply).saga).toBe(saga);
  });

  test('is asked again after no answer, and after a claim as the same attempt', () => {
    const story = LedStory.decided(decision('commit', ['1', '2'])).take(TICK, REPLY_TIMEOUT_MS);

    expect(story.branch('1')).toMatchObject({ state: 'confirming', attempt: 1, isInFlight: false });
    expect(story.branch('1').lastError?.class).toBe('timeout');
    expect(story.take(TICK, 200).last.commands).toMatchObject([{ attempt: 2 }, { attempt: 2 }]);
    expect(story.take(CLAIM).last.commands).toMatchObject([
      { op: 'confirm', attempt: 2 },
      { op: 'confirm', attempt: 2 },
    ]);
  });

  test('goes on after a claim of a row that was only decided', () => {
    const story = new LedStory(decided(decision('commit', ['1'], { thrown: [ledBranch('2')] })));

    expect(story.take(CLAIM).sentNow).toEqual(['confirm 1', 'compensate 2']);
  });

  test('waits as long as a participant says that it is not yet', () => {
    const story = LedStory.decided(decision('commit', ['1']));

    story.answer('1', { outcome: 'not-yet', retryAfterMs: 5000 });

    expect(story.branch('1')).toMatchObject({ state: 'confirming', attempt: 0, dueAt: NOW + 5000 });
    expect(story.take(TICK, 5000).sentNow).toEqual(['confirm 1']);
  });

  test('that gets no answer in all its attempts is stuck, and never an abort', () => {
    const story = LedStory.decided(decision('commit', ['1']));
    for (let count = 1; count <= END_ATTEMPT_COUNT_MAX; count += 1) {
      story.answer('1', DOWN);
      story.take(TICK, 30_000);
    }

    expect(story.saga.state).toBe('committing');
    expect(stuckOf(story.saga)).toMatchObject({ branchId: '1', reason: 'participant-down', message: 'down' });
    expect(nextDueAt(story.saga)).toBeUndefined();
    expect(() => story.take(act('abort'))).toThrow(
      new ActRefusedError(
        'Transaction g1 cannot be aborted: it is committing, and a decision never changes.',
      ),
    );
    expect(story.take(act('retry')).last.commands).toMatchObject([{ op: 'confirm', round: 1, attempt: 1 }]);
    expect(story.answer('1', CONFIRMED).saga.state).toBe('committed');
  });

  test('that breaks in the code of the participant is stuck at once', () => {
    const broken: BranchReply = { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } };

    const story = LedStory.decided(decision('commit', ['1', '2'])).answer('1', broken);

    expect(stuckOf(story.saga)).toMatchObject({ branchId: '1', reason: 'code' });
    expect(story.branch('2').isInFlight).toBe(true);
  });

  test('has no deadline any more', () => {
    const story = new LedStory(active('1')).take({ type: 'decide', decision: decision('commit', ['1']) });

    expect(story.take(TICK, DEADLINE_MS * 2).saga.state).toBe('committing');
    expect(story.saga.abort).toBeUndefined();
  });
});

describe('an undo beside a commit', () => {
  const asked = decision('commit', ['1'], { thrown: [ledBranch('2'), ledBranch('3')] });

  test('that is refused is stuck, and does not keep others from being confirmed', () => {
    const story = LedStory.decided(asked).answer('3', NO);

    expect(stuckOf(story.saga)).toMatchObject({ branchId: '3', reason: 'refused' });
    expect(story.answer('1', CONFIRMED).saga.state).toBe('committing');
    expect(story.take(act('retry', '3')).last.commands).toMatchObject([{ op: 'compensate', round: 2 }]);
    expect(story.answer('3', UNDONE).sentNow).toEqual(['compensate 2']);
  });

  test('is asked again when it is due', () => {
    const story = LedStory.decided(asked).answer('1', CONFIRMED).answer('3', DOWN);

    expect(story.take(TICK, 100).sentNow).toEqual([]);
    expect(story.take(TICK, 100).sentNow).toEqual(['compensate 3']);
  });

  test('can be skipped, and what comes before it is undone then', () => {
    const story = LedStory.decided(asked).answer('3', NO).take(act('skip', '3'));

    expect(story.sentNow).toEqual(['close-compensate 3']);
    expect(story.answer('3', CLOSED).sentNow).toEqual(['compensate 2']);
    expect(story.branch('3').skip?.op).toBe('compensate');
  });
});

describe('an abort', () => {
  test('undoes in reverse order of the list, what threw as well', () => {
    const story = LedStory.decided(decision('abort', ['1', '3'], { thrown: [ledBranch('2')] }));

    expect(story.sentNow).toEqual(['compensate 3']);
    expect(story.answer('3', UNDONE).sentNow).toEqual(['compensate 2']);
    expect(story.answer('2', { outcome: 'undone', wasEmpty: true }).sentNow).toEqual(['compensate 1']);
    expect(story.answer('1', UNDONE).saga).toMatchObject({ state: 'aborted', endedAt: NOW });
    expect(story.last.durability).toBe('end');
  });

  test('confirms nothing, whatever comes late', () => {
    const story = LedStory.decided(decision('abort', ['1']));

    const { saga } = story;
    expect(story.answer('1', CONFIRMED).saga).toBe(saga);
    expect(story.answer('1', CONFIRMED, { op: 'confirm' }).saga).toBe(saga);
    expect(story.answer('1', LOST, { op: 'confirm' }).saga).toBe(saga);
  });

  test('goes on where a claim finds it', () => {
    const story = LedStory.decided(decision('abort', ['1', '2'])).answer('2', UNDONE);

    expect(story.take(CLAIM).sentNow).toEqual(['compensate 1']);
  });
});

describe('an undecided transaction', () => {
  test('sends nothing and is due at its deadline', () => {
    const story = new LedStory(active('1')).take(TICK, DEADLINE_MS - 1);

    expect(story.sentNow).toEqual([]);
    expect(nextDueAt(story.saga)).toBe(NOW + DEADLINE_MS);
  });

  test('is aborted at its deadline', () => {
    const story = new LedStory(active('1', '2')).take(TICK, DEADLINE_MS);

    expect(story.saga.abort).toEqual({
      code: 'deadline',
      message: 'The deadline passed before the initiator had decided.',
    });
    expect(story.sentNow).toEqual(['compensate 2']);
    expect(story.last.durability).toBe('first');
  });

  test('is aborted by an operator', () => {
    const story = new LedStory(active('1')).take(act('abort'));

    expect(story.saga.abort).toEqual({ code: 'operator', message: 'because' });
    expect(story.sentNow).toEqual(['compensate 1']);
  });

  test('of no branches any more ends at once by its deadline', () => {
    expect(new LedStory(active()).take(TICK, DEADLINE_MS).saga.state).toBe('aborted');
  });

  test('that is paused waits for its operator beyond its deadline', () => {
    const story = new LedStory(active('1')).take(act('pause')).take(TICK, DEADLINE_MS * 2);

    expect(story.saga.state).toBe('active');
    expect(nextDueAt(story.saga)).toBeUndefined();
    expect(story.take(act('resume')).saga.abort?.code).toBe('deadline');
  });

  test('stays as it is when it is taken over', () => {
    const story = new LedStory(active('1')).take(CLAIM);

    expect(story.saga.state).toBe('active');
    expect(story.sentNow).toEqual([]);
  });

  test('has nothing to retry or to skip', () => {
    const story = new LedStory(active('1'));

    expect(() => story.take(act('retry'))).toThrow(ActRefusedError);
    expect(() => story.take(act('skip', '1'))).toThrow(
      "Branch '1' is done and the transaction active: nothing to skip.",
    );
  });
});

describe('a pause', () => {
  test('holds the confirms and undos of a decision back until it is over', () => {
    const asked = decision('commit', ['1'], { thrown: [ledBranch('2')] });
    const story = new LedStory(active('1')).take(act('pause')).take({ type: 'decide', decision: asked });

    expect(story.saga.state).toBe('committing');
    expect(story.sentNow).toEqual([]);
    expect(story.take(act('resume')).sentNow).toEqual(['confirm 1', 'compensate 2']);
  });

  test('lets the last answer end the transaction', () => {
    const story = LedStory.decided(decision('commit', ['1']))
      .take(act('pause'))
      .answer('1', CONFIRMED);

    expect(story.saga).toMatchObject({ state: 'committed', paused: undefined });
  });

  test('asks nothing again before it is over', () => {
    const story = LedStory.decided(decision('commit', ['1']))
      .answer('1', DOWN)
      .take(act('pause'));

    expect(story.take(TICK, 60_000).sentNow).toEqual([]);
    expect(story.take(act('resume')).sentNow).toEqual(['confirm 1']);
  });
});

describe('an endpoint without a barrier', () => {
  const saga = plainBranch('1', { kind: 'saga', input: { seat: 4 }, output: 'held' });
  const tcc = plainBranch('2', { input: { $from: 'nobody' }, output: { $literal: 7 } });

  test('needs no confirm for an action that took effect at once', () => {
    const story = LedStory.decided(decision('commit', [saga]));

    expect(story.sentNow).toEqual([]);
    expect(story.saga.state).toBe('committed');
    expect(story.branch('1')).toMatchObject({ state: 'confirmed', endedAt: NOW });
  });

  test('is told apart from a library whose nonce nobody has told: that one is confirmed, and remembers the input', () => {
    const story = LedStory.decided(decision('commit', [{ ...saga, hasBarrier: true }]));

    expect(story.last.commands).toEqual([
      { type: 'call', branchId: '1', op: 'confirm', round: 1, attempt: 1 },
    ]);
  });

  test('gets its try confirmed with its input and answer as they were, durable first', () => {
    const story = LedStory.decided(decision('commit', [saga, tcc]));

    expect(story.last.commands).toEqual([
      {
        type: 'call',
        branchId: '2',
        op: 'confirm',
        round: 1,
        attempt: 1,
        input: { $from: 'nobody' },
        output: { $literal: 7 },
      },
    ]);
    expect(story.last.durability).toBe('first');
    expect(story.answer('2', DOWN).last.durability).toBe('first');
  });

  test('has its answer durable before the others are told', () => {
    const story = LedStory.decided(decision('commit', ['1', tcc]));

    expect(story.answer('2', CONFIRMED).last.durability).toBe('first');
  });

  test('is undone with input and answer, of either kind', () => {
    const story = LedStory.decided(decision('abort', [saga, tcc]));

    expect(story.last.commands).toMatchObject([{ op: 'compensate', branchId: '2', output: { $literal: 7 } }]);
    expect(story.answer('2', UNDONE).last.commands).toMatchObject([
      { op: 'compensate', branchId: '1', input: { seat: 4 }, output: 'held' },
    ]);
  });

  test('is undone when it threw, of either kind, beside a commit', () => {
    const story = LedStory.decided(decision('commit', [], { thrown: [saga, tcc] }));

    expect(story.sentNow).toEqual(['compensate 2']);
    expect(story.answer('2', UNDONE).sentNow).toEqual(['compensate 1']);
    expect(story.answer('1', UNDONE).saga.state).toBe('committed');
  });

  test('is not asked again by a claim while its call may still be running', () => {
    const story = LedStory.decided(decision('commit', [tcc]));

    expect(story.take(CLAIM).sentNow).toEqual([]);
    expect(story.branch('2').isInFlight).toBe(true);
  });

  test('is skipped at once: it has no round to close', () => {
    const story = LedStory.decided(decision('commit', [tcc]))
      .answer('2', NO)
      .take(act('skip', '2'));

    expect(story.sentNow).toEqual([]);
    expect(story.saga.state).toBe('committed');
  });
});

describe('a library that keeps a barrier', () => {
  test('hears of the commit of an action, too, since it keeps the branch in doubt', () => {
    expect(LedStory.decided(decision('commit', [ledBranch('1', { kind: 'saga' })])).sentNow).toEqual([
      'confirm 1',
    ]);
  });
});
