import { describe, expect, test } from '@jest/globals';
import type { Decision, LedBranch } from './led.branch.js';
import { conflictOf, doubleIn, isSameDecision, isToConfirm, missingOf } from './led.list.js';
import type { Saga } from './saga.state.js';
import { active, decided, decision, LedStory, ledBranch, plainBranch } from './testing/leds.js';

const BELOW = { prefix: '2~k7.', count: 2 } as const;

describe('a decision that is repeated', () => {
  const made = decision('commit', ['1', '2'], { thrown: [ledBranch('3')] });

  test.each<[string, Decision]>([
    ['as it was', made],
    ['in another order', decision('commit', ['2', '1'], { thrown: [ledBranch('3')] })],
    ['with a branch told twice', decision('commit', ['1', '2', '1'])],
    ['without what threw', decision('commit', ['1', '2'])],
    ['with more that threw', decision('commit', ['1', '2'], { thrown: [ledBranch('3'), ledBranch('4')] })],
  ])('to commit is the same %s', (...[, asked]) => {
    expect(isSameDecision(decided(made), asked)).toBe(true);
  });

  test.each<[string, Decision]>([
    ['with one branch less', decision('commit', ['1'])],
    ['with one branch more', decision('commit', ['1', '2', '4'])],
    ['with another branch', decision('commit', ['1', '4'])],
    ['with what threw', decision('commit', ['1', '2', '3'])],
    ['with another nonce', decision('commit', ['1', ledBranch('2', { nonce: 'other' })])],
    ['with another input', decision('commit', ['1', ledBranch('2', { inputHash: 'other' })])],
    ['with another service', decision('commit', ['1', ledBranch('2', { service: 'other' })])],
    ['with another action', decision('commit', ['1', ledBranch('2', { action: 'other' })])],
    ['with another kind', decision('commit', ['1', ledBranch('2', { kind: 'saga' })])],
    ['to abort', decision('abort', ['1', '2'])],
    ['with a count of what is not there', decision('commit', ['1', '2'], { registered: [BELOW] })],
    ['with a branch told in two ways', decision('commit', ['1', '2', ledBranch('2', { nonce: 'other' })])],
  ])('to commit is another one %s', (...[, asked]) => {
    expect(isSameDecision(decided(made), asked)).toBe(false);
  });

  test.each<[string, Decision, boolean]>([
    ['the same, whatever its list', decision('abort', ['7']), true],
    ['another one', decision('commit', ['1', '2']), false],
  ])('after an abort is %s', (...[, asked, isSame]) => {
    expect(isSameDecision(decided(decision('abort', ['1', '2'])), asked)).toBe(isSame);
  });

  test('is the same after the end', () => {
    expect(isSameDecision({ ...decided(made), state: 'committed' }, made)).toBe(true);
    expect(isSameDecision({ ...decided(made), state: 'aborted' }, made)).toBe(false);
  });

  test.each<[string, Decision, boolean]>([
    ['by its count', decision('commit', ['2'], { registered: [BELOW] }), true],
    ['in full', decision('commit', ['2~k7.1', '2~k7.2', '2']), true],
    ['by half of it', decision('commit', ['2~k7.1', '2']), false],
    ['not at all', decision('commit', ['2']), false],
    ['with what was left out', decision('commit', ['2', '9'], { registered: [BELOW] }), false],
  ])('that counted on a registered list may tell it %s', (...[, asked, isSame]) => {
    const saga = active('2~k7.1', '2~k7.2', '9');
    const story = new LedStory(saga).take({
      type: 'decide',
      decision: decision('commit', ['2'], { registered: [BELOW] }),
    });

    expect(isSameDecision(story.saga, asked)).toBe(isSame);
  });
});

describe('a count of registered branches', () => {
  const saga = active('2~k7.1', '2~k7.2', '2~m3.1');

  test('is right when all of them are there', () => {
    expect(missingOf(saga, decision('commit', [], { registered: [BELOW] }))).toBeUndefined();
  });

  test.each<[Saga | undefined, number, string]>([
    [saga, 3, "The decision counts on 3 branches registered below '2~k7.', and there are 2."],
    [saga, 1, "The decision counts on 1 branches registered below '2~k7.', and there are 2."],
    [undefined, 2, "The decision counts on 2 branches registered below '2~k7.', and there are 0."],
  ])('is wrong when there are more or less', (known, count, message) => {
    expect(missingOf(known, decision('commit', [], { registered: [{ ...BELOW, count }] }))).toBe(message);
  });

  test('leaves out what threw and all below it', () => {
    const withMore = active('2~k7.1', '2~k7.2', '2~k7.3', '2~k7.3~m1.1');
    const asked = decision('commit', [], { registered: [BELOW], thrown: [ledBranch('2~k7.3')] });

    expect(missingOf(withMore, asked)).toBeUndefined();
  });

  test('leaves out what is listed in full', () => {
    const asked = decision('commit', ['2~k7.2'], { registered: [{ ...BELOW, count: 1 }] });

    expect(missingOf(saga, asked)).toBeUndefined();
  });

  test('is the same in a repeat, also of what the list itself has added below', () => {
    const asked = decision('commit', ['2~k7.9', '2'], { registered: [BELOW] });
    const story = new LedStory(active('2~k7.1', '2~k7.2')).take({ type: 'decide', decision: asked });

    expect(isSameDecision(story.saga, asked)).toBe(true);
    expect(isSameDecision(story.saga, { ...asked, registered: [{ ...BELOW, count: 3 }] })).toBe(false);
  });

  test('names the first that is wrong', () => {
    const registered = [BELOW, { prefix: '3~a.', count: 1 }, { prefix: '4~a.', count: 1 }];

    expect(missingOf(saga, decision('commit', [], { registered }))).toContain("below '3~a.'");
  });
});

describe('what is told of a branch', () => {
  test.each<[string, Partial<LedBranch>]>([
    ['service', { service: 'other' }],
    ['action', { action: 'other' }],
    ['kind', { kind: 'saga' }],
    ['nonce', { nonce: 'other' }],
    ['input', { inputHash: 'other' }],
    ['barrier', { nonce: undefined }],
  ])('does not fit when it has another %s', (_what, change) => {
    expect(conflictOf(active('1'), ledBranch('1', change))).toBe(
      "Branch '1' of g1 is service-1.hold already, and not what is told of it now.",
    );
  });

  test('fits when it is the same, or when nothing was known', () => {
    expect(conflictOf(active('1'), ledBranch('1'))).toBeUndefined();
    expect(conflictOf(active('1'), ledBranch('2'))).toBeUndefined();
  });

  test('fits whatever input and answer a service without a barrier adds', () => {
    expect(conflictOf(active('1'), ledBranch('1', { input: 1, output: 2 }))).toBeUndefined();
  });

  test('may be told twice, but not in two ways', () => {
    expect(doubleIn([ledBranch('1'), ledBranch('2'), ledBranch('1')])).toBeUndefined();
    expect(doubleIn([ledBranch('1'), ledBranch('2'), ledBranch('1', { kind: 'saga' })])).toBe(
      "Branch '1' is told twice, and not in the same way.",
    );
  });
});

describe('a branch in doubt', () => {
  const committing = decided(decision('commit', ['1'], { thrown: [ledBranch('2')] }));
  const untold = decided(decision('commit', [plainBranch('1')]));

  test.each<[string, Saga, string, string | undefined, boolean]>([
    ['is confirmed when it is on the list', committing, '1', 'nonce-1', true],
    ['is confirmed whatever its nonce, when none was listed', untold, '1', 'nonce-9', true],
    ['is confirmed after the end as well', { ...committing, state: 'committed' }, '1', 'nonce-1', true],
    ['is undone when its row is of another call', committing, '1', 'nonce-9', false],
    ['is undone when it tells no nonce', committing, '1', undefined, false],
    ['is undone when it threw', committing, '2', 'nonce-2', false],
    ['is undone when it is on no list', committing, '3', 'nonce-3', false],
    ['is undone in an abort', decided(decision('abort', ['1'])), '1', 'nonce-1', false],
    ['is not confirmed before the decision', active('1'), '1', 'nonce-1', false],
  ])('%s', (...[, saga, branchId, nonce, isWanted]) => {
    expect(isToConfirm(saga, branchId, nonce)).toBe(isWanted);
  });
});
