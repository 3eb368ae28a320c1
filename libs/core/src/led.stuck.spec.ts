import { describe, expect, test } from '@jest/globals';
import { halvesOf } from './led.halves.js';
import type { BranchReply } from './saga.event.js';
import { stuckOf } from './saga.state.js';
import { act, NOW } from './testing/sagas.js';
import { active, CONFIRMED, decision, DOWN, LedStory, ledBranch, LOST, NO } from './testing/leds.js';

const ALREADY_UNDONE: BranchReply = { outcome: 'already-undone' };
const CLOSED: BranchReply = { outcome: 'closed' };

describe('a branch that is lost at its confirm', () => {
  test('is stuck, and asked again when an operator says so', () => {
    const story = LedStory.decided(decision('commit', ['1', '2'])).answer('1', LOST);

    expect(story.branch('1')).toMatchObject({
      state: 'confirming',
      isInFlight: false,
      stuck: { reason: 'branch-lost', message: 'There is no row.', since: NOW },
    });
    expect(story.last.durability).toBe('first');
    expect(story.answer('2', CONFIRMED).saga.state).toBe('committing');
    expect(story.take(act('retry', '1')).last.commands).toMatchObject([
      { op: 'confirm', round: 1, attempt: 1 },
    ]);
    expect(story.answer('1', LOST).branch('1').stuck?.reason).toBe('branch-lost');
    expect(story.take(act('retry', '1')).answer('1', CONFIRMED).saga.state).toBe('committed');
  });

  test('is told once', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', LOST);

    const { saga } = story;
    expect(story.answer('1', LOST).saga).toBe(saga);
  });

  test('is confirmed by a late yes, which must be on disk before anybody believes it stuck', () => {
    const story = LedStory.decided(decision('commit', ['1', '2'])).answer('1', LOST);

    story.answer('1', CONFIRMED);

    expect(story.branch('1')).toMatchObject({ state: 'confirmed', stuck: undefined });
    expect(story.last.durability).toBe('first');
  });

  test.each([LOST, CLOSED])('can be skipped, though there is no round to close', (reply) => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', LOST);

    expect(story.take(act('skip', '1')).sentNow).toEqual(['close-confirm 1']);
    story.answer('1', reply);

    expect(story.saga.state).toBe('committed');
    expect(story.branch('1')).toMatchObject({ state: 'skipped', skip: { op: 'confirm', by: 'ann' } });
  });
});

describe('a confirm that is refused', () => {
  test('is stuck as mixed, and names both lists', () => {
    const story = LedStory.decided(decision('commit', ['1', '2', '3', '5'], { thrown: [ledBranch('4')] }));
    story.answer('3', CONFIRMED).answer('5', LOST).take(act('skip', '5')).answer('5', CLOSED);

    story.answer('1', NO);

    expect(stuckOf(story.saga)).toMatchObject({
      branchId: '1',
      reason: 'mixed',
      message: "The confirm of '1' was refused: sold out. Confirmed by then: 3; not yet: 1, 2, 5.",
    });
    expect(story.last.durability).toBe('first');
    expect(story.sentNow).toEqual([]);
  });

  test('names the first few of long lists, and how many more there are', () => {
    const ids = Array.from({ length: 20 }, (_, index) => String(index + 1));
    const story = LedStory.decided(decision('commit', ids));
    for (const branchId of ids.slice(0, 7)) {
      story.answer(branchId, CONFIRMED);
    }

    story.answer('8', NO);

    expect(story.branch('8').stuck?.message).toBe(
      "The confirm of '8' was refused: sold out. Confirmed by then: 1, 2, 3, 4, 5 and 2 more; " +
        'not yet: 8, 9, 10, 11, 12 and 8 more.',
    );
    const { confirmed, notConfirmed } = halvesOf(story.saga);
    expect([confirmed.length, notConfirmed.length]).toEqual([7, 13]);
  });

  test('tells of what is undone in either case on no list', () => {
    const story = new LedStory(active('1', '2')).take({
      type: 'decide',
      decision: decision('commit', ['1']),
    });

    expect(story.answer('1', NO).branch('1').stuck?.message).toBe(
      "The confirm of '1' was refused: sold out. Confirmed by then: none; not yet: 1.",
    );
  });

  test('is told once', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', NO);

    const { saga } = story;
    expect(story.answer('1', NO).saga).toBe(saga);
  });

  test('is asked again by an operator in a new round, and no answer of the old one counts', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', NO);

    const [command] = story.take(act('retry')).last.commands;
    expect(command).toMatchObject({ op: 'confirm', round: 2, attempt: 1 });
    expect(story.last.durability).toBe('first');
    const { saga } = story;
    expect(story.answer('1', CONFIRMED, { round: 1 }).saga).toBe(saga);
    expect(story.answer('1', CONFIRMED).branch('1')).toMatchObject({
      state: 'confirmed',
      undoRound: 2,
      refusal: undefined,
    });
  });

  test('twice is one round more each time', () => {
    const story = LedStory.decided(decision('commit', ['1']))
      .answer('1', NO)
      .take(act('retry'));

    story.answer('1', NO).take(act('retry'));

    expect(story.last.commands).toMatchObject([{ op: 'confirm', round: 3 }]);
  });

  test('is skipped only after its round is closed', () => {
    const story = LedStory.decided(decision('commit', ['1', '2']))
      .answer('1', NO)
      .answer('2', CONFIRMED);

    expect(story.take(act('skip', '1')).last.commands).toMatchObject([
      { op: 'close-confirm', round: 1, attempt: 1 },
    ]);
    expect(story.branch('1')).toMatchObject({ state: 'confirming', mayBeClosed: true });
    expect(story.answer('1', CLOSED).saga.state).toBe('committed');
    expect(story.branch('1')).toMatchObject({ state: 'skipped', skip: { op: 'confirm' } });
  });

  test('turns out confirmed when it ran before its round could be closed', () => {
    const story = LedStory.decided(decision('commit', ['1']))
      .answer('1', DOWN)
      .take(act('skip', '1'));

    story.answer('1', CONFIRMED);

    expect(story.states).toEqual({ '1': 'confirmed' });
    expect(story.saga.state).toBe('committed');
  });

  test('in a round that was closed is the closing itself', () => {
    const story = LedStory.decided(decision('commit', ['1'])).take(act('skip', '1'));

    expect(story.answer('1', NO, { op: 'confirm' }).states).toEqual({ '1': 'skipped' });
  });

  test('needs a new round when closing it has failed', () => {
    const story = LedStory.decided(decision('commit', ['1'])).take(act('skip', '1'));
    story.answer('1', { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } });

    expect(story.branch('1')).toMatchObject({ stuck: { reason: 'code' }, closing: undefined });
    expect(story.take(act('retry')).last.commands).toMatchObject([{ op: 'confirm', round: 2 }]);
  });
});

describe('a branch that was undone before its confirm', () => {
  test('is stuck as mixed, whoever undid it', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', ALREADY_UNDONE);

    expect(stuckOf(story.saga)).toMatchObject({
      reason: 'mixed',
      message: 'The participant has undone this branch, yet the decision is to commit.',
    });
    const { saga } = story;
    expect(story.answer('1', ALREADY_UNDONE).saga).toBe(saga);
  });

  test('is asked again in the same round', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', ALREADY_UNDONE);

    expect(story.take(act('retry')).last.commands).toMatchObject([{ op: 'confirm', round: 1 }]);
    expect(story.answer('1', ALREADY_UNDONE).branch('1').stuck?.reason).toBe('mixed');
  });

  test('can be skipped, though it cannot be confirmed any more', () => {
    const story = LedStory.decided(decision('commit', ['1'])).answer('1', ALREADY_UNDONE);

    story.take(act('skip', '1')).answer('1', ALREADY_UNDONE);

    expect(story.saga.state).toBe('committed');
    expect(story.states).toEqual({ '1': 'skipped' });
  });
});
