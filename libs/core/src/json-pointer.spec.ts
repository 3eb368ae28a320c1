import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isJsonPointer, pointerOf, resolvePointer } from './json-pointer.js';
import type { Json } from './json.js';

/** RFC 6901, section 5. */
const EXAMPLE = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
} satisfies Json;

describe('a JSON pointer', () => {
  test.each<[string, Json]>([
    ['', EXAMPLE],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('%p names what RFC 6901 says', (pointer, value) => {
    expect(isJsonPointer(pointer)).toBe(true);
    expect(resolvePointer(EXAMPLE, pointer)).toEqual(value);
  });

  test.each([
    '/nothing',
    '/foo/2',
    '/foo/-',
    '/foo/01',
    '/foo/length',
    '/foo/0/deeper',
    '/constructor',
    'foo',
  ])('%p names nothing', (pointer) => {
    expect(resolvePointer(EXAMPLE, pointer)).toBeUndefined();
  });

  test.each(['foo', '/~', '/~2', '/a~', ' '])('%p is none', (pointer) => {
    expect(isJsonPointer(pointer)).toBe(false);
  });

  test('finds what stands far down a list', () => {
    const list = Array.from({ length: 200 }, (_, index) => index);

    expect(resolvePointer(list, '/12')).toBe(12);
    expect(resolvePointer(list, '/123')).toBe(123);
  });

  test('unescapes ~01 to ~1, not to a slash', () => {
    expect(resolvePointer({ '~1': 'yes', '/': 'no' }, '/~01')).toBe('yes');
  });

  test('made of any keys leads through them', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), (keys) => {
        const document = keys.reduceRight<Json>((inner, key) => Object.fromEntries([[key, inner]]), 'here');

        expect(isJsonPointer(pointerOf(keys))).toBe(true);
        expect(resolvePointer(document, pointerOf(keys))).toBe('here');
      }),
    );
  });
});
