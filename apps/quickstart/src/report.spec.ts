import { describe, expect, test } from '@jest/globals';
import type { Check, Standing } from './example.js';
import {
  isWell,
  percentile,
  perSecond,
  renderHints,
  renderReport,
  renderViolations,
  type Report,
} from './report.js';

function check(violations: readonly string[] = []): Check {
  const holds = violations.length === 0;
  return { label: 'Money conserved', value: holds ? 'yes' : 'no', holds, violations };
}

function report(part: Partial<Report> = {}, standing: Partial<Standing> = {}): Report {
  return {
    noun: 'orders',
    totalCount: 7_063,
    stuckCount: 0,
    transport: 'HTTP',
    run: undefined,
    standing: {
      committedCount: 7_060,
      abortedCounts: new Map([['out of stock', 3]]),
      undecidedCount: 0,
      checks: [check()],
      committedGid: undefined,
      abortedGid: undefined,
      ...standing,
    },
    ...part,
  };
}

/** The table without its frame: label and value of each row. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) => line.split('│').slice(1, 3))
    .map((cells) => cells.map((cell) => cell.trim()));
}

describe('the table', () => {
  test('tells outcomes, reasons and checks', () => {
    expect(rowsOf(renderReport(report()))).toEqual([
      ['Orders', '7,063'],
      ['Commands over', 'HTTP'],
      ['Committed', '7,060'],
      ['Aborted: out of stock', '3'],
      ['Stuck', '0'],
      ['Money conserved', 'yes'],
    ]);
  });

  test('tells rate and latencies of the orders of this run', () => {
    const latenciesMs = Array.from({ length: 200 }, (_, position) => 200 - position);

    const rows = rowsOf(renderReport(report({ run: { latenciesMs, durationMs: 4_000 } })));

    expect(rows).toContainEqual(['Orders per second', '50']);
    expect(rows).toContainEqual(['Latency, median', '100 ms']);
    expect(rows).toContainEqual(['Latency, 99 of 100', '198 ms']);
  });

  test('tells what is not decided only where there is something', () => {
    expect(rowsOf(renderReport(report({}, { undecidedCount: 2 })))).toContainEqual(['Not decided', '2']);
  });
});

describe('all is well', () => {
  test.each([
    ['when nothing is open or wrong', report(), true],
    ['unless something is stuck', report({ stuckCount: 1 }), false],
    ['unless something is not decided', report({}, { undecidedCount: 1 }), false],
    ['unless nothing has committed', report({}, { committedCount: 0 }), false],
    ['unless a check fails', report({}, { checks: [check(['order 1 cost 2 instead of 0'])] }), false],
  ])('%s', (_when, given, expected) => {
    expect(isWell(given)).toBe(expected);
  });
});

test.each([
  ['something is stuck', report({ stuckCount: 2 }), /curl 'http:\/\/here\/v1\/transactions\?stuck=true'/u],
  ['nothing has committed', report({}, { committedCount: 0 }), /None of the orders committed/u],
])('where %s it is said what to look at', (_when, given, expected) => {
  expect(renderHints(given, 'http://here')).toEqual([expect.stringMatching(expected)]);
});

test('the first violations are told as sentences, and the rest counted', () => {
  const violations = Array.from({ length: 7 }, (_, position) => `order ${position} cost 1 instead of 0`);

  const lines = renderViolations(report({}, { checks: [check(violations)] }));

  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe('  Order 0 cost 1 instead of 0.');
  expect(lines[5]).toBe('  And 2 more.');
});

test('figures of nothing are 0', () => {
  expect(percentile([], 99)).toBe(0);
  expect(perSecond(3, 0)).toBe(0);
});
