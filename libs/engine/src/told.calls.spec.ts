import { expect, test } from '@jest/globals';
import { ToldCallsStore, type ToldCalls } from './told.calls.js';

function branches(count: number): ToldCalls {
  const ids = Array.from({ length: count }, (_, position) => String(position + 1));
  return {
    branches: ids.map((branchId) => ({
      branchId,
      service: 'hotel',
      action: 'hold',
      kind: 'tcc',
      state: 'returned',
    })),
  };
}

function countOf({ branches: told = [] }: ToldCalls): number {
  return told.length;
}

test('of all transactions together a bounded number of branches is kept, and what was told of first goes', () => {
  const told = new ToldCallsStore(10);

  ['a', 'b', 'c', 'd'].forEach((gid) => told.keep(gid, branches(4)));

  expect(['a', 'b', 'c', 'd'].map((gid) => countOf(told.of(gid)))).toEqual([0, 0, 4, 4]);
});

test('what is told again takes the place of what was told before', () => {
  const told = new ToldCallsStore(10);
  told.keep('a', branches(4));
  told.keep('b', branches(4));

  told.keep('a', branches(6));

  expect(['a', 'b'].map((gid) => countOf(told.of(gid)))).toEqual([6, 4]);
});

test('what is forgotten leaves room for others', () => {
  const told = new ToldCallsStore(10);
  told.keep('a', branches(4));
  told.keep('b', branches(6));

  told.forget('a');
  told.keep('c', branches(4));

  expect(['a', 'b', 'c'].map((gid) => countOf(told.of(gid)))).toEqual([0, 6, 4]);
});
