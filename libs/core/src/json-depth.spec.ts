import { expect, test } from '@jest/globals';
import { JSON_DEPTH_MAX, nestsDeeper } from './json-depth.js';

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

test.each([
  [nested(JSON_DEPTH_MAX), false],
  [nested(JSON_DEPTH_MAX + 1), true],
  [nested(30_000), true],
  [`{"a":`.repeat(40) + '1' + '}'.repeat(40), true],
  [`["${'['.repeat(100)}", "\\"${'{'.repeat(100)}"]`, false],
  [`[${'[],'.repeat(1_000)}1]`, false],
  [`[${'{},'.repeat(1_000)}1]`, false],
  ['["without an end', false],
  ['['.repeat(100), true],
  ['no JSON at all', false],
])('text %# is judged by the brackets outside of its strings', (text, isTooDeep) => {
  expect(nestsDeeper(text, JSON_DEPTH_MAX)).toBe(isTooDeep);
});
