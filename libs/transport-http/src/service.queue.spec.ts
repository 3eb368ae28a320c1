import { commandTo } from '@atone/engine/conformance';
import type { BranchCommand } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import { routeOf, ServiceQueue, siblingOf, type Waiting } from './service.queue.js';

function waiting(change: Partial<BranchCommand>, leaveBy = 1_000): Waiting {
  const command = commandTo('stock', change);
  return { command, route: routeOf(command), leaveBy, giveUpAt: leaveBy };
}

function taken(queue: ServiceQueue, route: string, count = Infinity): readonly string[] {
  const all: string[] = [];
  queue.take(route, ({ command }) => all.length < count && all.push(command.branchId) > 0);
  return all;
}

test('an action and its undo are two routes, each of which knows the other', () => {
  const routes = [routeOf(commandTo('stock')), routeOf(commandTo('stock', { op: 'compensate' }))];

  expect(routes).toEqual(['do reserve', 'undo reserve']);
  expect(routes.map(siblingOf)).toEqual(routes.toReversed());
});

test('what waits on one route is not touched while another is served, however much it is', () => {
  const queue = new ServiceQueue('stock', undefined);
  let readCount = 0;
  for (let index = 0; index < 5_000; index += 1) {
    const slow = waiting({ branchId: `slow-${index}` });
    queue.add({
      ...slow,
      get command() {
        readCount += 1;
        return slow.command;
      },
    });
    queue.add(waiting({ branchId: `quick-${index}`, action: 'notify' }));
  }
  const readCountBefore = readCount;

  for (let index = 0; index < 5_000; index += 1) {
    taken(queue, 'do notify', 1);
    queue.yieldTurn('do notify');
  }

  expect([queue.size, readCount - readCountBefore]).toEqual([5_000, 0]);
});

test('a route that yields its turn comes after all others', () => {
  const queue = new ServiceQueue('stock', undefined);
  for (const action of ['a', 'b', 'c']) {
    queue.add(waiting({ branchId: action, action }));
  }

  queue.yieldTurn('do a');

  expect(queue.routes).toEqual(['do b', 'do c', 'do a']);
});

test('what is late is taken out wherever it waits, and the next instant is known', () => {
  const queue = new ServiceQueue('stock', undefined);
  queue.add(waiting({ branchId: 'late' }, 100));
  queue.add(waiting({ branchId: 'later' }, 300));
  queue.add(waiting({ branchId: 'other', action: 'notify' }, 200));
  const before = queue.leaveByMin;

  const late = queue.takeLate(200);

  expect(late.map(({ command }) => command.branchId)).toEqual(['late', 'other']);
  expect([before, queue.leaveByMin, queue.size]).toEqual([100, 300, 1]);
});

test('a later attempt takes the place of the earlier one, with its own time', () => {
  const queue = new ServiceQueue('stock', undefined);
  queue.add(waiting({ branchId: 'first' }, 100));
  queue.add(waiting({ branchId: 'second' }, 100));

  queue.add(waiting({ branchId: 'first', attempt: 2 }, 500));

  expect(queue.takeLate(100).map(({ command }) => command.branchId)).toEqual(['second']);
  expect(taken(queue, 'do reserve')).toEqual(['first']);
});

test('an undo withdraws all rounds of its own branch, and nothing of another', () => {
  const queue = new ServiceQueue('stock', undefined);
  queue.add(waiting({ branchId: 'pay', round: 1 }));
  queue.add(waiting({ branchId: 'pay', round: 2 }));
  queue.add(waiting({ branchId: 'ship' }));

  queue.add(waiting({ branchId: 'pay', op: 'compensate' }));

  expect([taken(queue, 'do reserve'), taken(queue, 'undo reserve'), queue.size]).toEqual([
    ['ship'],
    ['pay'],
    0,
  ]);
});
