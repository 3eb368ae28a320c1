import { expect, test } from '@jest/globals';
import { isHopeless, resultOf, writeEach } from './write-each.js';

class RefusedByLog extends Error {
  readonly retryable = false;
}

test('one row that the log will never take harms none of those that came with it', async () => {
  const written: number[] = [];
  const write = async (items: readonly number[]): Promise<readonly number[]> => {
    if (items.includes(3)) {
      throw new RefusedByLog('3 cannot be stored');
    }
    written.push(...items);
    return items.map((item) => item * 10);
  };

  const results = await writeEach([1, 2, 3, 4, 5], write);

  expect(written).toEqual([1, 2, 4, 5]);
  expect(results.filter((result) => 'answer' in result).map(resultOf)).toEqual([10, 20, 40, 50]);
  expect(results[2]).toEqual({ error: new RefusedByLog('3 cannot be stored') });
});

test('a log that does not answer is not asked again about parts of the batch', async () => {
  let count = 0;
  const write = async (): Promise<readonly number[]> => {
    count += 1;
    throw new Error('connection lost');
  };

  await expect(writeEach([1, 2, 3], write)).rejects.toThrow('connection lost');
  expect(count).toBe(1);
});

test('only an error that says so is hopeless', () => {
  expect(isHopeless(new RefusedByLog())).toBe(true);
  expect(isHopeless(new RangeError('too deep to be written'))).toBe(true);
  expect(isHopeless(new Error('what?'))).toBe(false);
  expect(isHopeless(Object.assign(new Error('later'), { retryable: true }))).toBe(false);
});
