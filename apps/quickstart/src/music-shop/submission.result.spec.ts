import { expect, test } from '@jest/globals';
import { resultOf } from './submission.result.js';

test('a saga that goes on by itself has come to nothing yet', () => {
  expect(resultOf({ state: 'committing', outcome: 'committed' })).toBeUndefined();
});

test('a saga that was aborted tells why', () => {
  const abort = { reason: 'refused', message: 'out of stock' } as const;

  const result = resultOf({ state: 'aborted', outcome: 'aborted', abort: { ...abort, at: '' } as never });

  expect(result).toEqual({ outcome: 'aborted', reason: 'out of stock' });
});

test('a saga that only an operator can move is not waited for', () => {
  const result = resultOf({ state: 'running', outcome: 'undecided', stuck: { reason: 'refused' } as never });

  expect(result).toMatchObject({ outcome: 'undecided' });
});
