import { describe, expect, test } from '@jest/globals';
import type { LedBranch } from '@atone/core';
import { CallsInFlightError, TransactionOverError } from './led.errors.js';
import { enlistedOf, Scope, type OpenCall } from './scope.js';

const OWN = { service: 'stock', action: 'reserve', kind: 'saga' } as const;

function branch(branchId: string): LedBranch {
  return { branchId, ...OWN };
}

function listed(...ids: string[]) {
  return { below: ids.map(branch), registered: [] };
}

function idsOf(branches: readonly LedBranch[]): string[] {
  return branches.map(({ branchId }) => branchId);
}

/** A call that has left this process. */
function sent(scope: Scope, label: string): OpenCall {
  const call = scope.begin(label, OWN);
  call.leaves();
  return call;
}

describe('the calls of a scope', () => {
  test('are numbered where they are made, those of a run behind its prefix', () => {
    const initiator = new Scope('', 'g');
    const run = new Scope('2~k7.', 'g');

    expect(
      [initiator.begin('a'), initiator.begin('b'), run.begin('c')].map(({ branchId }) => branchId),
    ).toEqual(['1', '2', '2~k7.1']);
  });

  test('are listed in the order in which they were answered, each behind what lies below it', () => {
    const scope = new Scope('', 'g');
    const [first, second] = [scope.begin('a'), scope.begin('b')];

    second.returned(listed('2~k.1', '2'));
    first.returned(listed('1'));

    expect(idsOf(enlistedOf(scope.collect()).below)).toEqual(['2~k.1', '2', '1']);
  });

  test('that threw are on the other list, with what is known to lie below them', () => {
    const scope = new Scope('', 'g');
    sent(scope, 'a').threw();
    sent(scope, 'b').threw([branch('2~k.1'), branch('2')]);
    sent(scope, 'c').threw([]);

    const end = scope.collect();

    expect(idsOf(end.thrown)).toEqual(['1', '2~k.1', '2']);
    expect(enlistedOf(end).below).toEqual([]);
  });

  test('that were given up count as thrown, whatever they answer later', () => {
    const scope = new Scope('', 'g');
    const call = sent(scope, 'a');
    call.threw();

    call.returned(listed('1'));

    const end = scope.collect();
    expect({ thrown: idsOf(end.thrown), returned: end.returned }).toEqual({ thrown: ['1'], returned: [] });
  });

  test('that never left this process are on no list, whether they threw or are given up', () => {
    const scope = new Scope('', 'g');
    const [threw, proven, givenUp] = [1, 2, 3].map(() => scope.begin('a', OWN));
    threw?.threw();
    proven?.leaves();
    proven?.stayed();
    proven?.threw();

    const end = scope.close();

    expect([end.thrown, [...end.unclear], givenUp?.leaves()]).toEqual([[], [], false]);
  });

  test('of which one attempt may have arrived stay on the list, though the next proved never to have left', () => {
    const scope = new Scope('', 'g');
    const call = sent(scope, 'a');
    call.leaves();
    call.stayed();
    call.threw();

    expect(idsOf(scope.collect().thrown)).toEqual(['1']);
  });

  test('keep it from being collected while they are in flight, and are named', () => {
    const scope = new Scope('', 'g');
    scope.begin('payments.hold');

    expect(() => scope.collect()).toThrow(CallsInFlightError);
    expect(() => scope.collect()).toThrow('payments.hold (call 1)');
    expect(scope.isOver).toBe(false);
  });

  test('that are in flight when it is closed are undone, and their answers come too late', () => {
    const scope = new Scope('', 'g');
    const call = sent(scope, 'a');
    const end = scope.close();

    call.returned(listed('1'));

    expect({ thrown: idsOf(end.thrown), returned: end.returned }).toEqual({ thrown: ['1'], returned: [] });
  });

  test('cannot be made any more when it is over', () => {
    const scope = new Scope('', 'g');
    scope.close();

    expect(() => scope.begin('a')).toThrow(TransactionOverError);
    expect(() => scope.begin('a')).toThrow('Await all calls');
  });
});

describe('a nested scope', () => {
  test('shares the numbers of its parent, so that no two calls have one id', () => {
    const parent = new Scope('', 'g');
    const nested = parent.nest();

    expect([parent, nested, parent].map((scope) => scope.begin('a').branchId)).toEqual(['1', '2', '3']);
  });

  test('adds its list to that of its parent when it returns, and to the thrown when it throws', () => {
    const parent = new Scope('', 'g');
    const [kept, dropped] = [parent.nest(), parent.nest()];
    kept.begin('a').returned(listed('1'));
    dropped.begin('b').returned(listed('2'));

    parent.absorb(kept.collect(), 'returned');
    parent.absorb(dropped.collect(), 'threw');

    const end = parent.collect();
    expect([idsOf(enlistedOf(end).below), idsOf(end.thrown)]).toEqual([['1'], ['2']]);
  });

  test('is over with its parent', () => {
    const parent = new Scope('', 'g');
    const nested = parent.nest();
    parent.close();

    expect(() => nested.begin('a')).toThrow(TransactionOverError);
  });
});
