import { expect, test } from '@jest/globals';
import { DoubtStore } from './doubt.store.js';

function doubt(branchId: string, more: { nonce?: string } = {}) {
  const asked = { service: 'hotel', action: 'hold', kind: 'tcc', nonce: 'nonce-of-it', ...more } as const;
  return { ...asked, branchId, since: 0, secretHash: 'a'.repeat(64), epoch: 1, askedAt: 0 };
}

function idsOf(store: DoubtStore<string>, gid: string): string[] {
  return store.of(gid).map(({ branchId }) => branchId);
}

test('of more than it may keep, who has not asked for the longest time goes first', () => {
  const store = new DoubtStore<string>(3);
  for (const [gid, branchId] of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
  ] as const) {
    store.keep(gid, gid, doubt(branchId));
  }
  store.keep('b', 'b', doubt('1'));

  store.keep('c', 'c', doubt('1'));

  expect(store.size).toBe(3);
  expect(idsOf(store, 'a')).toEqual(['2']);
  expect(idsOf(store, 'b')).toEqual(['1']);
});

test('of one transaction no more is kept than its row may hold, and who asks again stays', () => {
  const store = new DoubtStore<string>(100, 2);
  store.keep('a', 'a', doubt('1'));
  store.keep('a', 'a', doubt('2'));
  store.keep('a', 'a', doubt('1'));

  store.keep('a', 'a', doubt('3'));

  expect(idsOf(store, 'a')).toEqual(['1', '3']);
});

test('the end of a branch ends all that was asked under its id, and with its last branch a transaction is forgotten', () => {
  const store = new DoubtStore<string>();
  store.keep('a', 'a', doubt('1'));
  store.keep('a', 'a', doubt('1', { nonce: 'another-nonce' }));

  store.endBranch('a', '1');

  expect(store.size).toBe(0);
  expect([...store.gids()]).toEqual([]);
});
