import { expect, test } from '@jest/globals';
import { ActRefusedError, IllegalTransitionError } from './errors.js';

test.each([
  [
    'ILLEGAL_TRANSITION',
    new IllegalTransitionError('committed', 'tick'),
    'IllegalTransitionError: A transaction that is committed cannot take the event tick.',
  ],
  ['ACT_NOT_POSSIBLE', new ActRefusedError('It has ended.'), 'ActRefusedError: It has ended.'],
])('an error is known to programs by its code %s, and to people by its name', (code, error, text) => {
  expect(error.code).toBe(code);
  expect(String(error)).toBe(text);
});
