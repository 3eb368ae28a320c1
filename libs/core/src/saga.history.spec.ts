import { describe, expect, test } from '@jest/globals';
import type { SagaEvent } from './saga.event.js';
import type { HistoryEntry, Saga } from './saga.state.js';
import { planOf, serialPlan, step } from './testing/plans.js';
import { acceptedSaga, act, advance, ANN, CALLING, NOW, replyTo, sagaOfPay } from './testing/sagas.js';

const DONE = { outcome: 'done', output: 1 } as const;
const CLAIM = { type: 'claim', by: 'c2' } as const;

describe('the history', () => {
  test('of an abort tells who refused, why the saga turned round, and what was undone', () => {
    const saga = acceptedSaga(serialPlan(step('stock'), step('pay')));
    const refusal = { reason: 'no credit', isStored: true };

    const history = historyAfter(saga, [
      { type: 'start' },
      replyTo('action', DONE, { branchId: 'stock' }),
      replyTo('action', { outcome: 'refused', refusal }),
      replyTo('compensate', { outcome: 'undone', wasEmpty: false }, { branchId: 'stock' }),
    ]);

    expect(history).toEqual([
      { at: NOW, what: 'accepted' },
      { at: NOW, what: 'done', branchId: 'stock', attempt: 1 },
      { at: NOW, what: 'refused', branchId: 'pay', attempt: 1, message: 'no credit' },
      { at: NOW, what: 'aborting', branchId: 'pay', message: 'refused: no credit' },
      { at: NOW, what: 'compensated', branchId: 'stock', attempt: 1 },
      { at: NOW, what: 'aborted' },
    ]);
  });

  test('of a commit tells when the pivot decided it', () => {
    const saga = acceptedSaga(serialPlan(step('pay', { pivot: true }), step('mail', { onRefusal: 'retry' })));

    const history = historyAfter(saga, [
      { type: 'start' },
      replyTo('action', DONE),
      replyTo('action', DONE, { branchId: 'mail' }),
    ]);

    expect(history.map(({ what }) => what)).toEqual(['accepted', 'done', 'committing', 'done', 'committed']);
  });

  test('of trouble tells what each attempt met, and why the branch is stuck', () => {
    const error = { class: 'code', message: 'TypeError' } as const;

    const history = historyAfter(sagaOfPay(CALLING), [replyTo('action', { outcome: 'unknown', error })]);

    expect(history.slice(1)).toEqual([
      { at: NOW, what: 'unknown', branchId: 'pay', attempt: 1, message: 'code: TypeError' },
      { at: NOW, what: 'stuck', branchId: 'pay', message: 'code: TypeError' },
    ]);
  });

  test('of a reply that did not come says so', () => {
    const saga = sagaOfPay({ ...CALLING, dueAt: NOW });

    expect(historyAfter(saga, [{ type: 'tick' }]).slice(1)).toEqual([
      { at: NOW, what: 'unknown', branchId: 'pay', attempt: 1, message: 'timeout: No reply came in time.' },
    ]);
  });

  test('of a skip names who asked for it, what for, and when it had taken effect', () => {
    const history = historyAfter(sagaOfPay(CALLING), [
      act('skip', 'pay'),
      replyTo('close-action', { outcome: 'closed' }),
    ]);

    expect(history.slice(1)).toEqual([
      { at: NOW, what: 'operator-skip', branchId: 'pay', by: ANN.by, message: ANN.reason },
      { at: NOW, what: 'skipped', branchId: 'pay', by: ANN.by },
    ]);
  });

  test('of an act on the whole saga names no branch', () => {
    expect(historyAfter(sagaOfPay(CALLING), [act('pause')]).at(-1)).toEqual({
      at: NOW,
      what: 'operator-pause',
      by: ANN.by,
      message: ANN.reason,
    });
  });

  test('keeps one takeover of several between which nothing happened', () => {
    const saga = acceptedSaga(planOf(step('pay')));

    const history = historyAfter(saga, [
      act('pause'),
      { ...CLAIM, by: 'c1' },
      CLAIM,
      act('resume'),
      { ...CLAIM, by: 'c3' },
    ]);

    expect(history.map(({ what, by }) => `${what} ${by ?? ''}`.trim())).toEqual([
      'accepted',
      'operator-pause ann',
      'claimed c2',
      'operator-resume ann',
      'claimed c3',
    ]);
  });
});

function historyAfter(start: Saga, events: readonly SagaEvent[]): readonly HistoryEntry[] {
  return events.reduce((saga, event) => advance(saga, event).saga, start).history;
}
