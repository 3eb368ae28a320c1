import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shorten } from './scope.prefixes.js';
import { Scope } from './scope.js';

const OWN = { service: 'stock', action: 'reserve', kind: 'saga' } as const;

/** A scope whose calls have come to these ends, in this order. */
function scopeOf(prefix: string, ends: readonly ('returned' | 'threw' | 'repeated')[]): Scope {
  const scope = new Scope(prefix, 'g');
  for (const end of ends) {
    const call = scope.begin('a', OWN);
    call.leaves();
    if (end === 'repeated') {
      call.repeated();
    }
    if (end === 'threw') {
      call.threw();
    } else {
      call.returned({ below: [{ branchId: call.branchId, ...OWN }], registered: [] });
    }
  }
  return scope;
}

describe('a list that is registered', () => {
  test('stands for itself by one prefix when nothing of its run threw', () => {
    const { toRegister, below, registered } = shorten(
      '2~k.',
      scopeOf('2~k.', Array(12).fill('returned')).close(),
    );

    expect({ count: toRegister.length, below, registered }).toEqual({
      count: 12,
      below: [],
      registered: [{ prefix: '2~k.', count: 12 }],
    });
  });

  test('counts the lists that were registered below it', () => {
    const scope = new Scope('2~k.', 'g');
    scope.begin('a').returned({ below: [], registered: [{ prefix: '2~k.1~x.', count: 40 }] });

    expect(shorten('2~k.', scope.close()).registered).toEqual([{ prefix: '2~k.', count: 40 }]);
  });

  test('names no prefix that would cover what threw', () => {
    const ends = Array.from({ length: 12 }, (_, position) =>
      position === 10 ? ('threw' as const) : 'returned',
    );

    const { below, registered } = shorten('2~k.', scopeOf('2~k.', ends).close());

    // Call 11 threw, so that neither `2~k.` nor `2~k.1` may stand for those beside it.
    expect(below.map(({ branchId }) => branchId)).toEqual(['2~k.1']);
    expect(registered.map(({ prefix }) => prefix)).toEqual(
      ['10', '12', '2', '3', '4', '5', '6', '7', '8', '9'].map((number) => `2~k.${number}`),
    );
  });

  test('of an initiator has no empty prefix, which would stand for everything', () => {
    const { registered } = shorten('', scopeOf('', Array(11).fill('returned')).close());

    expect(registered).toContainEqual({ prefix: '1', count: 3 });
    expect(registered).toHaveLength(9);
  });

  test('tells of exactly the branches that returned, whatever else threw or was sent twice', () => {
    const end = fc.constantFrom('returned' as const, 'threw' as const, 'repeated' as const);

    fc.assert(
      fc.property(fc.constantFrom('', '2~k.'), fc.array(end, { maxLength: 130 }), (prefix, ends) => {
        const scope = scopeOf(prefix, ends).close();
        const short = shorten(prefix, scope);

        const ids = ends.map((_, position) => `${prefix}${position + 1}`);
        const isCovered = (id: string): boolean =>
          short.registered.some((list) => id.startsWith(list.prefix));
        const told = ids.filter((id) => isCovered(id) || short.below.some(({ branchId }) => branchId === id));
        expect(told).toEqual(ids.filter((_, position) => ends[position] !== 'threw'));
        expect(short.toRegister.map(({ branchId }) => branchId)).toEqual(ids.filter(isCovered));
        for (const list of short.registered) {
          expect(short.toRegister.filter(({ branchId }) => branchId.startsWith(list.prefix))).toHaveLength(
            list.count,
          );
        }
      }),
    );
  });
});
