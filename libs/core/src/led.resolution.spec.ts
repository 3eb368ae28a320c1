import { describe, expect, test } from '@jest/globals';
import { ActRefusedError, AlreadyDecidedError, BranchConflictError } from './errors.js';
import type { Resolution } from './led.branch.js';
import { isResolvedAs, resolvedLed } from './led.resolution.js';
import { advanceSaga } from './saga.machine.js';
import type { SagaEvent, Transition } from './saga.event.js';
import type { Saga } from './saga.state.js';
import { active, decided, decision, LED, ledBranch } from './testing/leds.js';
import { fixedRandom } from './testing/plans.js';
import { NOW, sagaOfPay } from './testing/sagas.js';

const ANN = { by: 'ann', reason: 'the hotel has charged it' };
const LATER_EPOCH = LED.epoch + 1;

function asked(to: Resolution['to'], more: Partial<Resolution> = {}): SagaEvent {
  return { type: 'resolve', ...ANN, to, inDoubt: [], kept: [], ...more };
}

/** In another life of the log, where it is not said that it is the same. */
function take(saga: Saga, event: SagaEvent, epoch = LATER_EPOCH): Transition {
  return advanceSaga(saga, event, { now: NOW, random: fixedRandom(1), epoch });
}

/** A transaction that was registered in a former life of the log, and is stuck for that. */
function leftBehind(...branchIds: readonly string[]): Saga {
  return take(active(...branchIds), { type: 'tick' }).saga;
}

function sent({ commands }: Transition): string[] {
  return commands.map(({ op, branchId }) => `${op} ${branchId}`);
}

describe('what a former life of the log has left undecided', () => {
  test('is committed with what it has, and what is in doubt, when a person says so', () => {
    const inDoubt = [ledBranch('1'), ledBranch('2~k7.1')];

    const after = take(leftBehind('1', '2'), asked('commit', { inDoubt, kept: ['1', '2', '2~k7.1'] }));

    expect(after.saga).toMatchObject({ state: 'committing', stuck: undefined, resolved: ANN });
    expect(sent(after)).toEqual(['confirm 1', 'confirm 2~k7.1', 'confirm 2']);
    expect(after.durability).toBe('first');
    expect(after.saga.history).toContainEqual(
      expect.objectContaining({ what: 'operator-resolve', by: 'ann', message: ANN.reason }),
    );
  });

  test('is committed with what a person names, and the rest is undone', () => {
    const after = take(leftBehind('1', '2', '3'), asked('commit', { kept: ['1', '3'] }));

    expect(sent(after)).toEqual(['confirm 1', 'confirm 3', 'compensate 2']);
  });

  test('is aborted backwards, with what is in doubt', () => {
    const after = take(leftBehind('1', '2'), asked('abort', { inDoubt: [ledBranch('3')] }));

    expect(after.saga).toMatchObject({
      state: 'aborting',
      stuck: undefined,
      abort: { code: 'operator', message: ANN.reason },
    });
    expect(sent(after)).toEqual(['compensate 3']);
  });

  test('cannot be told to keep what nobody knows, nor what lies below what is undone', () => {
    const saga = leftBehind('1', '1~k7.1');

    expect(() => take(saga, asked('commit', { kept: ['9'] }))).toThrow(ActRefusedError);
    expect(() => take(saga, asked('commit', { kept: ['9'] }))).toThrow(
      "It knows 2 branches: '1', '1~k7.1'. One that is confirmed or undone never asks: leave it out.",
    );
    expect(() => take(saga, asked('commit', { kept: ['1~k7.1'] }))).toThrow(BranchConflictError);
  });
});

describe('a person does not decide', () => {
  test('what its own life of the log still can, or a plan does', () => {
    expect(() => take(active('1'), asked('commit'), LED.epoch)).toThrow(ActRefusedError);
    expect(() => take(sagaOfPay({}), asked('commit'))).toThrow(ActRefusedError);
  });

  test('what is decided', () => {
    const saga = decided(decision('commit', ['1']));

    expect(() => take(saga, asked('abort'))).toThrow(AlreadyDecidedError);
  });

  test('what another has resolved, and is told who and why', () => {
    const { saga } = take(leftBehind('1'), asked('commit', { kept: ['1'] }));

    expect(() => take(saga, asked('abort'))).toThrow(
      'is committed, with the branches that were named: ann has resolved it so ("the hotel has charged it").',
    );
  });
});

describe('what a person has resolved', () => {
  const named = leftBehind('1', '2', '3');

  test('is what another asks for if he wants the same of the same branches', () => {
    const { saga } = take(named, asked('commit', { kept: ['1', '2'] }));

    const same = [
      { to: 'commit', kept: ['2', '1'] },
      { to: 'commit', kept: ['1'] },
      { to: 'commit', kept: ['1', '2', '3'] },
      { to: 'abort', kept: [] },
    ].map(({ to, kept }) => isResolvedAs(saga, { to: to as Resolution['to'], kept }));
    expect(same).toEqual([true, false, false, false]);
  });

  test('is an abort for whoever aborts', () => {
    const { saga } = take(named, asked('abort'));

    expect(isResolvedAs(saga, { to: 'abort', kept: [] })).toBe(true);
    expect(isResolvedAs(saga, { to: 'commit', kept: [] })).toBe(false);
  });

  test('is nothing that its initiator has decided, or nobody yet', () => {
    expect(isResolvedAs(decided(decision('commit', ['1'])), { to: 'commit', kept: ['1'] })).toBe(false);
    expect(isResolvedAs(named, { to: 'abort', kept: [] })).toBe(false);
  });

  test('tells of what was only heard of, and sends nothing there, where it may have ended already', () => {
    const heardOf = [ledBranch('1'), ledBranch('9')];

    const after = take(named, asked('commit', { kept: ['1', '2', '3'], heardOf }));

    expect(sent(after)).toEqual(['confirm 1', 'confirm 2', 'confirm 3']);
    expect(after.saga.history.filter(({ what }) => what === 'not-reached')).toMatchObject([
      { branchId: '9' },
    ]);
  });
});

describe('what the log holds nothing of', () => {
  const start = { gid: 'g1', name: 'unknown', led: LED, acceptedAt: NOW };

  test('is committed with the branches that are in doubt', () => {
    const inDoubt = [ledBranch('2'), ledBranch('1'), ledBranch('3')];

    const saga = resolvedLed(start, { ...ANN, to: 'commit', inDoubt, kept: ['1', '2'] });

    expect(saga).toMatchObject({ state: 'committing', resolved: ANN });
    expect(saga.history.map(({ what, by }) => [what, by])).toEqual([
      ['operator-resolve', 'ann'],
      ['committing', undefined],
    ]);
    expect(sent(take(saga, { type: 'start' }))).toEqual(['confirm 1', 'confirm 2', 'compensate 3']);
  });

  test('is aborted, and undone backwards', () => {
    const inDoubt = [ledBranch('1'), ledBranch('2')];

    const saga = resolvedLed(start, { ...ANN, to: 'abort', inDoubt, kept: [] });

    expect(saga).toMatchObject({ state: 'aborting', abort: { code: 'operator', message: ANN.reason } });
    expect(sent(take(saga, { type: 'start' }))).toEqual(['compensate 2']);
  });
});
