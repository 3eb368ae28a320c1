import { expect, test } from '@jest/globals';
import { readVerdict } from './tlc-verdict.mjs';

const CLEAN = `Progress(10) at 2026-01-01 00:00:00: 56,594 states generated (56,594 s/min), 16,418 distinct states found
Model checking completed. No error has been found.
2106561 states generated, 392581 distinct states found, 0 states left on queue.
The depth of the complete state graph search is 38.
`;

const FALLEN = `Error: Invariant OneEffect is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
/\\ sent = {}
State 2: <SendAction line 69, col 3 to line 73, col 54 of module Saga>
/\\ sent = {<<"action", 1>>}
State 3: <RunAction line 141, col 3 to line 147, col 58 of module Saga>
/\\ sent = {<<"action", 1>>}
89 states generated, 70 distinct states found, 51 states left on queue.
`;

test('a model without an error holds, and its size is told', () => {
  expect(readVerdict({ exitCode: 0, output: CLEAN })).toEqual({
    outcome: 'holds',
    states: '2106561',
    distinct: '392581',
    depth: '38',
  });
});

test('an invariant that falls is named, with the steps that lead there', () => {
  expect(readVerdict({ exitCode: 12, output: FALLEN })).toMatchObject({
    outcome: 'violated',
    property: 'OneEffect',
    steps: 2,
  });
});

test('an action property that falls is named like an invariant', () => {
  const output = FALLEN.replace('Invariant OneEffect', 'Action property OneDecision');

  expect(readVerdict({ exitCode: 12, output })).toMatchObject({
    outcome: 'violated',
    property: 'OneDecision',
  });
});

test('a run that never ends is a liveness property that falls', () => {
  const output = FALLEN.replace('Invariant OneEffect is violated', 'Temporal properties were violated');

  expect(readVerdict({ exitCode: 13, output })).toMatchObject({
    outcome: 'violated',
    property: 'a liveness property',
  });
});

test.each([
  ['what TLC cannot parse', { exitCode: 150, output: 'Error: Parsing or semantic analysis failed.\n' }],
  ['what goes wrong while TLC evaluates it', { exitCode: 75, output: 'Error: TLC threw an exception.\n' }],
  ['a clean report with a bad end', { exitCode: 1, output: CLEAN }],
  ['a violation with a good end', { exitCode: 0, output: FALLEN }],
  ['silence', { exitCode: 0, output: '' }],
])('%s proves nothing', (_, ended) => {
  expect(readVerdict(ended)).toMatchObject({ outcome: 'error' });
});
