import { expect, test } from '@jest/globals';
import { Execution } from './execution.js';
import { watchOver, type RealWorld } from './still.time.js';

const member = { service: 'stock', instance: 'stock-1', lane: undefined, downUntil: 0 };

function executionOf(op: 'action' | 'compensate'): Execution {
  const names = { gid: 'g', branchId: 'goods', service: 'stock', action: 'reserve' };
  return new Execution({ ...names, op, round: 1, attempt: 1, issuedAt: 0 }, member);
}

/** Lets as much time pass as is asked for, unless it is called off before. */
class FakeWorld implements RealWorld {
  readonly warnings: string[] = [];
  private callbacks: (() => void)[] = [];

  readonly after = (_ms: number, callback: () => void): (() => void) => {
    this.callbacks.push(callback);
    return () => (this.callbacks = this.callbacks.filter((other) => other !== callback));
  };
  readonly warn = (message: string): void => void this.warnings.push(message);

  pass(): void {
    for (const callback of this.callbacks) callback();
  }
}

test.each([
  ['action', 'until stock.reserve ends'],
  ['compensate', 'until compensate of stock.reserve ends'],
] as const)('an %s that does not end is named', (op, words) => {
  const world = new FakeWorld();
  watchOver(executionOf(op), world);

  world.pass();

  expect(world.warnings).toEqual([expect.stringContaining(words)]);
});

test('one that waits for the coordinator is no news', () => {
  const world = new FakeWorld();
  const execution = executionOf('action');
  execution.waitingCount = 1;
  watchOver(execution, world);

  world.pass();

  expect(world.warnings).toEqual([]);
});

test('one that has ended is no news', () => {
  const world = new FakeWorld();
  watchOver(executionOf('action'), world)();

  world.pass();

  expect(world.warnings).toEqual([]);
});
