import { expect, test } from '@jest/globals';
import { historyOf } from './history.js';

test('a transaction has the lines that name it, and those of what happens to processes', () => {
  const trace = [
    '      0.00 coordinator-0   starts',
    '      1.00 coordinator-0   sends tx1/s0 action 1.1 to service-0.0',
    '      2.00 coordinator-0   sends tx10/s0 action 1.1 to service-0.0',
    '      3.00 fault           log-lost at coordinator-0 update',
    '      4.00                 FAILURE Violation: S1 is broken for tx1: the decision changed',
  ];

  expect(historyOf(trace, 'tx1')).toEqual(trace.filter((line) => !line.includes('tx10')));
  expect(historyOf(trace, undefined)).toEqual(trace);
});

test('what happens again and again is told once', () => {
  const trace = Array.from({ length: 10 }, (_, index) => `  ${index}.00 coordinator-0   says "no"`);

  expect(historyOf(['  0.00 log  tx1 v1', ...trace, '  9.00 log  tx1 v2'], 'tx1')).toEqual([
    '  0.00 log  tx1 v1',
    '  0.00 coordinator-0   says "no"',
    '  … the same 9 more times, until 9.00 …',
    '  9.00 log  tx1 v2',
  ]);
});

test('of a long history the beginning and the end are shown', () => {
  const trace = Array.from({ length: 1_000 }, (_, index) => `  ${index}.00 log  tx1 v${index}`);

  const history = historyOf(trace, 'tx1');

  expect(history).toHaveLength(201);
  expect([history[0], history[80], history[200]]).toEqual([trace[0], '  … 800 lines …', trace[999]]);
});
