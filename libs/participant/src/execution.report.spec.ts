import { expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Barrier } from './barrier.port.js';
import { action, contract, RefusedError, type ActionHandler } from './contract.js';
import type { LocalDatabase } from './database.port.js';
import type { ParticipantLog } from './execution.report.js';
import { createParticipant } from './participant.js';
import { command, next } from './testing/ledger.fixture.js';

const shop = contract('shop', {
  order: action({ input: z.object({ sku: z.string() }), output: z.object({ price: z.number() }) }),
});

/** Runs everything and remembers nothing, so that the tests need no database. */
const open: Barrier<null> = {
  act: async (_call, handler) => ({ outcome: 'done', output: (await handler(null)).output }),
  confirm: () => Promise.resolve({ outcome: 'confirmed' }),
  undo: async (_call, handler) => {
    await handler(null, { input: { sku: 'a' }, output: { price: 1 } });
    return { outcome: 'undone', wasEmpty: false };
  },
  closeAction: () => Promise.resolve({ outcome: 'closed' }),
  closeConfirm: () => Promise.resolve({ outcome: 'closed' }),
  closeUndo: () => Promise.resolve({ outcome: 'closed' }),
};

const order = (run: ActionHandler<null>['run'] = async () => ({ price: 1 })): ActionHandler<null> => ({
  contract: shop.order,
  run,
});

const placed = () => command({ service: 'shop', action: 'order', input: { sku: 'a' } });

const away = () => Promise.reject(new Error('the bank is away'));

const broken = () => {
  throw new Error('the disk is full');
};

function participant(handler: ActionHandler<null>, log: ParticipantLog) {
  const database = {} as LocalDatabase<null>;
  return createParticipant({ service: 'shop', database, handlers: [handler], barrier: open, log });
}

/** Returns a log, and what was told to it: level, fields and event. */
function recording() {
  const lines: [level: string, fields: object, event: string][] = [];
  const log: ParticipantLog = {
    warn: (fields, event) => lines.push(['warn', fields, event]),
    error: (fields, event) => lines.push(['error', fields, event]),
  };
  return { log, lines };
}

test('a failed execution is logged with its branch, its stack and no payload', async () => {
  const { log, lines } = recording();
  const failed = Object.assign(new Error('no such table', { cause: new Error('of the driver') }), {
    parameters: ['secret'],
  });
  const { execute } = participant(
    order(() => Promise.reject(failed)),
    log,
  );
  const one = { ...placed(), input: { sku: 'secret' } };

  await execute(one);

  const { gid, branchId } = one;
  const where = { gid, branchId, op: 'action', service: 'shop', action: 'order', attempt: 1 };
  const stack: unknown = expect.stringMatching(
    /^Error: no such table\n[^]*execution\.report\.spec[^]*\nCaused by: Error: of the driver\n/u,
  );
  expect(lines).toEqual([
    ['error', { ...where, class: 'error', error: 'no such table', stack }, 'branch execution failed'],
  ]);
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('a failed execution of a compensation is logged too', async () => {
  const { log, lines } = recording();
  const { execute } = participant({ ...order(), compensate: away }, log);

  await execute(next(placed(), 'compensate', { service: 'shop', action: 'order' }));

  expect(lines).toMatchObject([
    ['error', { op: 'compensate', error: 'the bank is away' }, expect.anything()],
  ]);
});

test('a failed execution is told in short when it repeats, from wherever this process comes in', async () => {
  const { log, lines } = recording();
  const { execute } = participant(order(away), log);
  const one = placed();

  await execute({ ...one, attempt: 3 });
  await execute({ ...one, attempt: 4 });
  await execute(placed());

  const told = lines.map(([level, fields]) => [level, 'stack' in fields]);
  expect(told).toEqual([
    ['error', true],
    ['warn', false],
    ['error', true],
  ]);
});

test('a failed execution is told at length each time when the code is to blame', async () => {
  const { log, lines } = recording();
  const { execute } = participant(
    order(() => Promise.reject(new TypeError('x is undefined'))),
    log,
  );
  const one = placed();

  await execute(one);
  await execute({ ...one, attempt: 2 });

  const told = lines.map(([level, fields]) => [level, 'stack' in fields]);
  expect(told).toEqual([
    ['error', true],
    ['error', true],
  ]);
});

test('a refusal is no failed execution', async () => {
  const { log, lines } = recording();
  const { execute } = participant(
    order(() => Promise.reject(new RefusedError('sold out'))),
    log,
  );

  await execute(placed());

  expect(lines).toEqual([]);
});

test('a failed execution is answered even where the log is broken', async () => {
  const { execute } = participant(order(away), { warn: broken, error: broken });

  expect(await execute(placed())).toMatchObject({
    outcome: 'unknown',
    error: { message: 'the bank is away' },
  });
});
