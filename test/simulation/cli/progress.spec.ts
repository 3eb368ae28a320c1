import { expect, test } from '@jest/globals';
import { EMPTY_TALLY, type Tally } from '../volume/tally.js';
import { progressLine } from './progress.js';
import { tallyReport } from './tally.report.js';

const TALLY: Tally = {
  ...EMPTY_TALLY,
  runCount: 1_200,
  eventCount: 60_000,
  simulatedMs: 9_000_000,
  transactionCount: 4_000,
  committedCount: 3_000,
  abortedCount: 990,
  faults: { refusal: 7, 'log-lost': 1_100, error: 9, 'command-late': 8, 'reply-late': 10 },
  failpoints: { 'engine.end.beforeWrite': 12 },
};

test('the line tells how many runs, how fast, and what goes wrong most', () => {
  expect(progressLine(TALLY, 10)).toBe(
    '1,200 runs; 120/s; 2.5 h simulated; log-lost 1,100, reply-late 10, error 9, command-late 8',
  );
});

test('the line tells of failures', () => {
  const failed = [
    { seed: 3, failure: { promise: 'S1' as const, transaction: 'tx1', message: 'S1 is broken' } },
  ];

  expect(progressLine({ ...TALLY, failed }, 10)).toMatch(/^1,200 runs, 1 failed;/u);
});

test('the table holds runs, ends, faults and failpoints', () => {
  expect(tallyReport(TALLY, 10).join('\n')).toBe(
    `
runs             1,200  120/s, 0 failed
events          60,000  6,000/s
simulated time   2.5 h  in 10.0 s
transactions     4,000  3,000 committed, 990 aborted

Faults
  log-lost      1,100
  reply-late       10
  error             9
  command-late      8
  refusal           7

Failpoints passed
  engine.end.beforeWrite  12
`.trim(),
  );
});
