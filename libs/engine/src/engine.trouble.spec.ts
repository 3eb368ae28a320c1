import { beforeEach, describe, expect, test } from '@jest/globals';
import { EngineWorld, happyScript, overriding, planOfSteps, refusing, type Script } from './testing/index.js';
import { viewOf } from './transaction.view.js';

const STEPS = ['create', 'reserve', 'charge'];

let world: EngineWorld;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', STEPS);
});

describe('what goes wrong inside', () => {
  test('a log that refuses even the quarantine does not end the process, and the row is driven later', async () => {
    let isBroken = true;
    const refusal = Object.assign(new Error('column is gone'), { retryable: false });
    const log = overriding(world.log, {
      update: async (updates) => {
        if (isBroken) {
          throw refusal;
        }
        return world.log.update(updates);
      },
    });
    const { engine } = await world.coordinator({ log });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(5_000);
    expect(engine.activeCount).toBe(0);

    isBroken = false;
    await world.clock.advance(90_000);

    expect((await engine.get(gid)).saga.state).toBe('committed');
  });

  test('an act that the log refuses for good is answered with its refusal', async () => {
    const refusal = Object.assign(new Error('column is gone'), { retryable: false });
    const log = overriding(world.log, { update: () => Promise.reject(refusal) });
    const { engine } = await world.coordinator({ log, script: silent });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });

    const told: unknown[] = [];
    const asked = engine.act(gid, { type: 'pause', by: 'ann', reason: 'look first' });
    void asked.catch((error: unknown) => told.push(error));
    await world.clock.advance(1_000);

    expect(told).toEqual([refusal]);
  });

  test('a row that a defect has set aside is shown as stuck, and a retry drives it again', async () => {
    const dead = await world.coordinator({ script: silent });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const row = await world.log.get(gid);
    killRenewal(dead.engine);
    if (row !== undefined) {
      const stuckAt = world.clock.now();
      world.log.plant({ ...row, owner: undefined, stuckReason: 'code', stuckAt, dueAt: stuckAt + 3_600_000 });
    }
    const { engine } = await world.coordinator();
    expect(viewOf(await engine.get(gid)).stuck).toMatchObject({
      reason: 'code',
      waysOut: ['retry', 'abort'],
    });

    await engine.act(gid, { type: 'retry', by: 'ann', reason: 'mended' });
    await world.clock.advance(500);

    expect((await engine.get(gid)).saga.state).toBe('committed');
  });

  test('a claim whose answer comes late does not push aside the driver of an act', async () => {
    const dead = await world.coordinator({ script: silent });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    await dead.engine.stop();
    let release: (() => void) | undefined;
    let isHeld = false;
    const log = overriding(world.log, {
      claimDue: async (instanceId, limit) => {
        const rows = await world.log.claimDue(instanceId, limit);
        if (rows.length > 0 && !isHeld) {
          isHeld = true;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return rows;
      },
    });
    const starting = world.coordinator({ log, instanceId: 'heir' });
    await world.clock.advance(0);
    const other = await world.coordinator({ log: world.log, instanceId: 'heir' });
    await other.engine.act(gid, { type: 'pause', by: 'ann', reason: 'look first' });
    release?.();
    const { engine } = await starting;
    await world.clock.advance(500);

    // The late claim's row is older than what the act wrote: its driver may not write over it.
    expect((await world.log.get(gid))?.isPaused).toBe(true);
    expect(engine.activeCount).toBe(0);
  });

  test('S9 who waits at an instance that lost a stuck row before it set it aside is told the end, not what was', async () => {
    const former = await world.coordinator({ script: refuseToUndo });
    const heir = await world.coordinator();
    const { gid } = await former.engine.submit({ submission: planOfSteps(STEPS) });
    const told = former.engine.waitForEnd(gid, 10_000);
    await world.clock.advance(20);
    expect(former.engine.activeCount).toBe(1);

    await heir.engine.act(gid, { type: 'retry', by: 'ann', reason: 'mended' });
    await world.clock.advance(1_000);

    expect((await told).saga.state).toBe('aborted');
  });

  test('a row that was claimed here without an answer, while it still had a driver, is driven again soon', async () => {
    const { engine } = await world.coordinator({ script: silent, instanceId: 'forgetful' });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.log.claim('forgetful', gid);

    await world.clock.advance(20_000);

    expect(engine.activeCount).toBe(1);
    expect((await engine.get(gid)).saga.history.map(({ what }) => what)).toContain('claimed');
  });

  test('an acceptance without an answer is found though it comes while such rows are being looked for', async () => {
    const broken = { claimDue: true, accept: true };
    let release: (() => void) | undefined;
    const failOnce = (what: keyof typeof broken): void => {
      if (broken[what]) {
        broken[what] = false;
        throw new Error('The connection broke.');
      }
    };
    const log = overriding(world.log, {
      claimDue: async (instanceId, limit) => {
        failOnce('claimDue');
        return world.log.claimDue(instanceId, limit);
      },
      accept: async (rows) => {
        const outcomes = await world.log.accept(rows);
        failOnce('accept');
        return outcomes;
      },
      owned: async (instanceId) => {
        const found = await world.log.owned(instanceId);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return found;
      },
    });
    broken.claimDue = false;
    const { engine } = await world.coordinator({ log, script: silent });
    broken.claimDue = true;
    await world.clock.advance(2_500);
    await expect(engine.submit({ submission: planOfSteps(STEPS) })).rejects.toThrow('did not confirm');

    for (let second = 0; second < 30; second += 1) {
      release?.();
      // oxlint-disable-next-line no-await-in-loop -- each look waits to be let go.
      await world.clock.advance(1_000);
    }

    expect(engine.activeCount).toBe(1);
  });

  test('a write that a stop gives up in doubt is not told as a transaction lost to another instance', async () => {
    const lines: string[] = [];
    const write = (_fields: object, message: string) => void lines.push(message);
    const away = overriding(world.log, {
      update: async () => {
        throw new Error('The connection broke.');
      },
    });
    const { engine } = await world.coordinator({
      log: away,
      logger: { info: write, warn: write, error: write },
    });
    await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(1_000);

    const stopped = engine.stop();
    await world.clock.advance(10_000);
    await stopped;

    expect(new Set(lines)).toEqual(new Set(['log write in doubt']));
    expect(engine.activeCount).toBe(0);
  });

  test('an hourly look at a stuck row leaves its history as it was', async () => {
    const { engine } = await world.coordinator({
      script: (command) =>
        command.op === 'compensate'
          ? { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }
          : refusing('charge')(command),
    });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });

    await world.clock.advance(10 * 3_600_000);

    const looks = (await engine.get(gid)).saga.history.filter(({ what }) => what === 'claimed');
    expect(looks.length).toBe(1);
  });

  test('a house that is full for newcomers still takes over the work of the dead', async () => {
    const dead = await world.coordinator({ script: silent });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const heir = await world.coordinator({ script: silent, options: { activeCountMax: 4 } });
    for (let count = 0; count < 4; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other fills the house.
      await heir.engine.submit({ submission: planOfSteps(STEPS) });
    }
    await dead.engine.stop();
    await world.clock.advance(2_000);

    expect(await world.log.get(gid)).toMatchObject({ owner: heir.engine.instanceId });
    expect(heir.engine.isTakingWork).toBe(true);
  });

  test('many who wait for what another instance drives ask the log together', async () => {
    const driver = await world.coordinator({ script: silent });
    const submissions = Array.from({ length: 20 }, async () =>
      driver.engine.submit({ submission: planOfSteps(STEPS) }),
    );
    await world.clock.advance(100);
    const gids = (await Promise.all(submissions)).map(({ gid }) => gid);
    let lookCount = 0;
    const log = overriding(world.log, {
      ended: async (some) => {
        lookCount += 1;
        return world.log.ended(some);
      },
    });
    const { engine } = await world.coordinator({ log });
    const waiting = Promise.all(gids.map(async (gid) => engine.waitForEnd(gid, 10_000)));
    await world.clock.advance(1_000);
    expect(lookCount).toBeLessThanOrEqual(6);

    for (const command of driver.transport.sent.splice(0)) {
      driver.transport.script = happyScript;
      driver.transport.reply(command, happyScript(command));
    }
    await world.clock.advance(1_000);

    expect((await waiting).map(({ saga }) => saga.state)).toEqual(gids.map(() => 'committed'));
  });
});

function silent(): undefined {
  return undefined;
}

/** A killed process renews no lease and takes nothing over any more. */
function killRenewal(engine: object): void {
  const { recovery } = engine as { recovery: { stop(): void } };
  recovery.stop();
}

const refuseToUndo: Script = (command) =>
  command.op === 'compensate'
    ? { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }
    : refusing('charge')(command);
