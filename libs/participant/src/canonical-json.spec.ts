import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '@atone/core';
import { canonicalJson, inputHash } from './canonical-json.js';

test('two spellings of one value have one canonical spelling and one hash', () => {
  const [left, right] = [
    { b: [1, { d: null, c: 'x' }], a: true },
    { a: true, b: [1, { c: 'x', d: null }] },
  ];

  expect(canonicalJson(left)).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  expect(inputHash(left)).toBe(inputHash(right));
});

test('no input is not the same as null', () => {
  expect(inputHash(undefined)).not.toBe(inputHash(null));
});

test('the canonical spelling means the same as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Json;

      expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
    }),
  );
});
