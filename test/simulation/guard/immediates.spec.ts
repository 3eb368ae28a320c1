import { expect, test } from '@jest/globals';
import { planImmediates } from './immediates.js';

test('what code plans for a little later is planned by the simulation, and afterwards by nobody else than before', () => {
  const real = globalThis.setImmediate;
  const planned: (() => void)[] = [];
  const heard: unknown[] = [];

  const undo = planImmediates((run) => planned.push(run));
  setImmediate((...words: unknown[]) => heard.push(words), 'one', 'two');

  undo();
  expect({ planned: planned.length, heard }).toEqual({ planned: 1, heard: [] });
  planned.forEach((run) => run());
  expect(heard).toEqual([['one', 'two']]);
  expect(globalThis.setImmediate).toBe(real);
});
