import { describe, expect, test } from '@jest/globals';
import { ActRefusedError, AlreadyDecidedError, BranchConflictError, WrongSecretError } from './errors.js';
import type { Decision, LedBranch } from './led.branch.js';
import type { SagaEvent } from './saga.event.js';
import { planOf, step } from './testing/plans.js';
import { acceptedSaga, advance, NOW } from './testing/sagas.js';
import { active, CONFIRMED, decision, LedStory, ledBranch, plainBranch, UNDONE } from './testing/leds.js';

const BELOW = { prefix: '2~k7.', count: 2 } as const;

describe('a branch that joins', () => {
  test('is registered durably, and nothing is sent', () => {
    const story = new LedStory(active('1')).take(enlist(ledBranch('2'), ledBranch('1')), 100);

    expect(story.states).toEqual({ '1': 'done', '2': 'done' });
    expect(story.last).toMatchObject({ commands: [], durability: 'first' });
    expect(story.saga.plan.steps[1]?.after).toEqual(['1']);
    expect(story.saga.history.at(-1)).toEqual({ at: NOW + 100, what: 'registered', message: '2, 1' });
  });

  test('again is no change', () => {
    const saga = active('1');

    expect(advance(saga, enlist(ledBranch('1')))).toEqual({ saga, commands: [], durability: 'lazy' });
  });

  test.each<[string, LedBranch[]]>([
    ['is another one under the same id', [ledBranch('2'), ledBranch('1', { nonce: 'other' })]],
    ['is told in two ways', [ledBranch('2'), ledBranch('2', { service: 'other' })]],
  ])('is refused when it %s', (_why, branches) => {
    expect(() => advance(active('1'), enlist(...branches))).toThrow(BranchConflictError);
  });

  test.each<[string, Decision, string]>([
    [
      'a commit',
      decision('commit', ['1']),
      'Transaction g1 is committed, with the branches that its initiator listed. That never changes.',
    ],
    ['an abort', decision('abort', ['1']), 'Transaction g1 is aborted. That never changes.'],
  ])('is refused after %s, and after the end', (_what, asked, message) => {
    const story = LedStory.decided(asked);

    expect(() => story.take(enlist(ledBranch('2')))).toThrow(
      new AlreadyDecidedError('g1', outcomeFor(asked)),
    );
    expect(() => story.take(enlist(ledBranch('2')))).toThrow(message);
    story.answer('1', asked.to === 'commit' ? CONFIRMED : UNDONE);
    expect(() => story.take(enlist(ledBranch('2')))).toThrow(message);
  });

  test('is refused where a plan says which branches there are', () => {
    const message = 'Transaction g1 is not led: its plan says which branches it has.';

    expect(() => advance(acceptedSaga(planOf(step('pay'))), enlist(ledBranch('2')))).toThrow(
      new ActRefusedError(message),
    );
  });

  test('is undone when it comes after the deadline and nobody has decided', () => {
    const story = new LedStory(active('1')).take(enlist(ledBranch('2')), 30_000);

    expect(story.saga.abort?.code).toBe('deadline');
    expect(story.sentNow).toEqual(['compensate 2']);
  });
});

describe('a decision on registered branches', () => {
  test('to commit confirms those on the list and undoes the others', () => {
    const story = new LedStory(active('1', '2')).take(decide(decision('commit', ['1', '3'])), 100);

    expect(story.saga.state).toBe('committing');
    expect(story.sentNow).toEqual(['confirm 1', 'confirm 3', 'compensate 2']);
    expect(story.last.durability).toBe('first');
    expect(story.saga.history.at(-1)).toEqual({ at: NOW + 100, what: 'committing' });
  });

  test('to commit confirms what it counts on', () => {
    const story = new LedStory(active('2~k7.1', '2~m3.1', '2~k7.2'));

    story.take(decide(decision('commit', ['2'], { registered: [BELOW] })));

    expect(story.sentNow.toSorted()).toEqual([
      'compensate 2~m3.1',
      'confirm 2',
      'confirm 2~k7.1',
      'confirm 2~k7.2',
    ]);
  });

  test('to commit undoes what threw, though it was registered and what is beside it counted', () => {
    const story = new LedStory(active('2~k7.1', '2~k7.2', '2~k7.3'));
    const thrown = [ledBranch('2~k7.3', { nonce: undefined })];

    story.take(decide(decision('commit', ['2'], { registered: [BELOW], thrown })));

    expect(story.sentNow).toContain('compensate 2~k7.3');
    expect(story.sentNow).toHaveLength(4);
  });

  test('tells more of a branch that was registered before it was called', () => {
    const story = new LedStory(active(plainBranch('1')));

    story.take(decide(decision('commit', [plainBranch('1', { input: { seat: 4 }, output: 'held' })])));

    expect(story.last.commands).toMatchObject([{ op: 'confirm', input: { seat: 4 }, output: 'held' }]);
  });

  test('keeps what was registered where it tells nothing new', () => {
    const story = new LedStory(active(plainBranch('1', { input: { seat: 4 }, output: 'held' })));

    story.take(decide(decision('commit', [plainBranch('1')])));

    expect(story.last.commands).toMatchObject([{ op: 'confirm', input: { seat: 4 }, output: 'held' }]);
  });

  test('to abort undoes all in reverse order of the list, wherever it was registered', () => {
    const story = new LedStory(active('2', '1~k7.1', '4'));
    const asked = decision('abort', ['1', '2', '3'], { message: 'no credit' });

    const sent = story.take(decide(asked), 100).sentNow;
    while (story.saga.state === 'aborting') {
      story.answer(sent.at(-1)?.split(' ')[1] ?? '', UNDONE);
      sent.push(...story.sentNow);
    }

    expect(sent).toEqual(['4', '3', '2', '1', '1~k7.1'].map((branchId) => `compensate ${branchId}`));
    expect(story.saga.abort).toEqual({ code: 'initiator', message: 'no credit' });
    expect(story.saga.history).toContainEqual(
      expect.objectContaining({ at: NOW + 100, what: 'aborting', message: 'initiator: no credit' }),
    );
  });

  test('to abort goes before its first undo to disk', () => {
    expect(new LedStory(active('1')).take(decide(decision('abort', []))).last.durability).toBe('first');
  });

  test('to abort is never refused for what it tells', () => {
    const asked = decision('abort', [ledBranch('1', { nonce: 'other' })], { registered: [BELOW] });

    expect(new LedStory(active('1')).take(decide(asked)).sentNow).toEqual(['compensate 1']);
  });

  test.each<[string, Decision]>([
    ['fits what was registered under the id', decision('commit', [ledBranch('1', { nonce: 'other' })])],
    ['tells each branch in one way', decision('commit', ['2', ledBranch('2', { kind: 'saga' })])],
    ['finds what it counts on', decision('commit', ['1'], { registered: [BELOW] })],
    ['lists nothing that threw', decision('commit', ['1'], { thrown: [ledBranch('1')] })],
  ])('to commit is refused unless it %s', (_what, asked) => {
    expect(() => advance(active('1'), decide(asked))).toThrow(BranchConflictError);
  });

  test('to commit wins after the deadline while nobody has aborted', () => {
    const story = new LedStory(active('1')).take(decide(decision('commit', ['1'])), 60_000);

    expect(story.saga.state).toBe('committing');
  });

  test('of nobody ends at once', () => {
    expect(new LedStory(active('1')).take(decide(decision('commit', []))).sentNow).toEqual(['compensate 1']);
    expect(LedStory.decided(decision('commit', [])).saga.state).toBe('committed');
    expect(LedStory.decided(decision('abort', [])).saga.state).toBe('aborted');
  });
});

describe('who decides', () => {
  test.each<[string, Partial<Decision>, 'commit' | 'abort']>([
    ['to commit', {}, 'commit'],
    ['to abort', {}, 'abort'],
  ])('must know the secret %s', (_what, change, to) => {
    const asked = decision(to, ['1'], { ...change, secretHash: 'other' });

    expect(() => advance(active('1'), decide(asked))).toThrow(new WrongSecretError('g1'));
  });

  test('must know the secret for a repeat as well', () => {
    const story = LedStory.decided(decision('commit', ['1']));
    const forged = decide(decision('commit', ['1'], { secretHash: 'other' }));

    expect(() => story.take(forged)).toThrow(WrongSecretError);
    story.answer('1', CONFIRMED);
    expect(() => story.take(forged)).toThrow(
      'Only the initiator of transaction g1 can decide it, and it has another secret.',
    );
  });

  test('cannot decide what goes by a plan', () => {
    expect(() => advance(acceptedSaga(planOf(step('pay'))), decide(decision('commit', [])))).toThrow(
      WrongSecretError,
    );
  });
});

describe('a decision that was made (S1)', () => {
  test.each<['commit' | 'abort', 'commit' | 'abort']>([
    ['commit', 'abort'],
    ['abort', 'commit'],
  ])('to %s is never one to %s, nor after the end', (made, other) => {
    const story = LedStory.decided(decision(made, ['1']));
    const outcome = made === 'commit' ? 'committed' : 'aborted';

    expect(() => story.take(decide(decision(other, ['1'])))).toThrow(new AlreadyDecidedError('g1', outcome));
    story.answer('1', made === 'commit' ? CONFIRMED : UNDONE);
    expect(() => story.take(decide(decision(other, ['1'])))).toThrow(new AlreadyDecidedError('g1', outcome));
  });

  test('is repeated without a change, also after the end', () => {
    const asked = decide(decision('commit', ['1']));
    const story = LedStory.decided(decision('commit', ['1']));

    const { saga } = story;
    expect(story.take(asked).last).toEqual({ saga, commands: [], durability: 'lazy' });
    const ended = story.answer('1', CONFIRMED).saga;
    expect(story.take(asked).last).toEqual({ saga: ended, commands: [], durability: 'lazy' });
  });

  test('to commit is refused with another list', () => {
    const story = LedStory.decided(decision('commit', ['1']));

    expect(() => story.take(decide(decision('commit', ['1', '2'])))).toThrow(AlreadyDecidedError);
    story.answer('1', CONFIRMED);
    expect(() => story.take(decide(decision('commit', ['1', '2'])))).toThrow(AlreadyDecidedError);
  });
});

function enlist(...branches: readonly LedBranch[]): SagaEvent {
  return { type: 'enlist', branches };
}

function decide(asked: Decision): SagaEvent {
  return { type: 'decide', decision: asked };
}

function outcomeFor(asked: Decision): 'committed' | 'aborted' {
  return asked.to === 'commit' ? 'committed' : 'aborted';
}
