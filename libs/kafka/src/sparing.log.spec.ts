import { expect, test } from '@jest/globals';
import { SparingLog } from './sparing.log.js';

test('of many warnings of one kind the first is told, and the number of the others with the next one that is', () => {
  const lines: object[] = [];
  const time = { nowMs: 0 };
  const log = new SparingLog(
    { warn: (fields, message) => void lines.push({ ...fields, message }) },
    () => time.nowMs,
  );

  log.warn({ offset: 1 }, 'dead');
  log.warn({ offset: 2 }, 'dead');
  log.warn({ offset: 3 }, 'dead');
  log.warn({ from: 'b' }, 'other');
  time.nowMs = 10_000;
  log.warn({ offset: 4 }, 'dead');

  expect(lines).toEqual([
    { offset: 1, message: 'dead' },
    { from: 'b', message: 'other' },
    { offset: 4, othersBefore: 2, message: 'dead' },
  ]);
});
