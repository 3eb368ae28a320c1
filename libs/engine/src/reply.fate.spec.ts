import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchCommand } from '@atone/protocol';
import type { RowUpdate } from './log.port.js';
import { EngineWorld, happyScript, planOfSteps } from './testing/index.js';
import { deferred } from './testing/transport.desk.js';
import type { ReplyFate } from './transport.port.js';

let world: EngineWorld;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', ['create', 'reserve']);
});

/** Returns a coordinator whose participants keep silent, and whose log answers updates only when it is let go. */
async function silentCoordinator(steps: readonly string[]): Promise<{
  readonly answer: (fits: (command: BranchCommand) => boolean) => ReplyFate;
  readonly updates: RowUpdate[];
  readonly letGo: () => void;
}> {
  const updates: RowUpdate[] = [];
  const gate = deferred();
  const log = Object.assign(Object.create(world.log) as typeof world.log, {
    update: async (rows: readonly RowUpdate[]) => {
      updates.push(...rows);
      await gate.promise;
      return world.log.update(rows);
    },
  });
  const { engine, transport } = await world.coordinator({ script: () => undefined, log });
  await engine.submit({ submission: planOfSteps(steps) });
  await world.clock.advance(0);
  return {
    updates,
    letGo: () => gate.resolve(),
    answer: (fits) => {
      const command = transport.sent.find(fits);
      if (command === undefined) {
        throw new Error('It was not sent.');
      }
      return transport.reply(command, happyScript(command)) as ReplyFate;
    },
  };
}

async function isSettled(fate: ReplyFate): Promise<boolean> {
  return Promise.race([fate.settled().then(() => true), world.clock.advance(0).then(() => false)]);
}

describe('a reply to a transaction that is driven here', () => {
  test('is settled at once where it causes no write', async () => {
    const { answer, updates } = await silentCoordinator(['create', 'reserve']);

    const fate = answer(({ branchId }) => branchId === 'create');

    expect(fate.isDriven).toBe(true);
    await expect(isSettled(fate)).resolves.toBe(true);
    expect(updates).toEqual([]);
  });

  test('is settled when the end that it caused is in the log, which then waits for no company', async () => {
    const { answer, updates, letGo } = await silentCoordinator(['create']);

    const fate = answer(({ branchId }) => branchId === 'create');

    const before = await isSettled(fate);
    expect({ before, states: updates.map(({ progress }) => progress.state) }).toEqual({
      before: false,
      states: ['committed'],
    });
    letGo();
    await expect(isSettled(fate)).resolves.toBe(true);
  });

  test('is settled together with what came before it', async () => {
    const { answer, letGo } = await silentCoordinator(['create']);
    answer(({ branchId }) => branchId === 'create');

    const repeated = answer(({ branchId }) => branchId === 'create');

    const before = await isSettled(repeated);
    letGo();
    await expect(isSettled(repeated)).resolves.toBe(true);
    expect(before).toBe(false);
  });

  test('is settled when another instance turns out to drive it', async () => {
    const { answer, letGo } = await silentCoordinator(['create']);
    const fate = answer(({ branchId }) => branchId === 'create');
    const settled = fate.settled();
    const { engine } = await world.coordinator();
    const [row] = await engine.list({ limit: 1 });

    await world.log.claim('another', row?.gid ?? '');
    letGo();

    await world.clock.advance(0);
    await expect(settled).resolves.toBeUndefined();
  });
});

test('a reply to a transaction that nobody drives here is told so, and changes nothing', async () => {
  const { engine, transport } = await world.coordinator({ script: () => undefined });
  const { gid } = await engine.submit({ submission: planOfSteps(['create']) });
  await world.clock.advance(0);
  const other = await world.coordinator();
  const [command] = transport.sent;

  const fate = other.transport.reply(command as BranchCommand, happyScript(command as BranchCommand));

  await other.engine.stop();
  expect(fate).toMatchObject({ isDriven: false });
  expect(await world.log.get(gid)).toMatchObject({ state: 'running', version: 1 });
});
