import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import type { RowUpdate, TransactionLog } from './log.port.js';
import { EngineWorld, happyScript, planOfSteps, refusing } from './testing/index.js';

const STEPS = ['create', 'reserve', 'charge'];

let world: EngineWorld;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', [...STEPS, 'confirm!']);
});

describe('a saga', () => {
  test('runs its steps in order and is committed in the log', async () => {
    const { engine, transport } = await world.coordinator();

    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['action create', 'action reserve', 'action charge']);
    expect(await world.log.get(gid)).toMatchObject({ state: 'committed', version: 2, owner: undefined });
  });

  test('that is refused is undone in reverse order', async () => {
    const { engine, transport } = await world.coordinator({ script: refusing('charge') });

    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(200);

    expect(transport.ops.slice(3)).toEqual(['compensate reserve', 'compensate create']);
    expect((await engine.get(gid)).saga).toMatchObject({
      state: 'aborted',
      abort: { code: 'refused', branchId: 'charge', message: 'no credit' },
    });
  });

  test('whose participant is down for a minute ends when it is back', async () => {
    let isDown = true;
    const script = (command: BranchCommand): BranchReply =>
      isDown
        ? { outcome: 'unknown', error: { class: 'unreachable', message: 'refused' } }
        : happyScript(command);
    const { engine } = await world.coordinator({ script });

    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(60_000);
    isDown = false;
    await world.clock.advance(60_000);

    expect((await engine.get(gid)).saga.state).toBe('committed');
  });

  test('that runs long shows its progress in the log', async () => {
    const { engine } = await world.coordinator({
      script: (command) => (command.branchId === 'charge' ? undefined : happyScript(command)),
    });

    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(3_000);

    const row = await world.log.get(gid);
    expect(row?.progress).toMatchObject({
      branches: [{ state: 'done' }, { state: 'done' }, { state: 'calling' }],
    });
  });

  test('that is stuck leaves memory, and a retry takes it up again', async () => {
    let isBroken = true;
    const script = (command: BranchCommand): BranchReply =>
      isBroken && command.branchId === 'reserve'
        ? { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }
        : happyScript(command);
    const { engine } = await world.coordinator({ script });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS, { timeoutMs: 86_400_000 }) });
    await world.clock.advance(200);
    expect(await world.log.get(gid)).toMatchObject({ stuckReason: 'code', owner: undefined });
    expect(engine.activeCount).toBe(0);

    isBroken = false;
    await engine.act(gid, { type: 'retry', by: 'ann', reason: 'fixed' });
    await world.clock.advance(200);

    expect((await engine.get(gid)).saga.state).toBe('committed');
  });

  test('that gets stuck is told at once to whoever waits for its end', async () => {
    const { engine } = await world.coordinator({
      script: () => ({ outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }),
    });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    const told: string[] = [];
    const waiting = engine
      .waitForEnd(gid, 60_000)
      .then(({ saga }) => told.push(saga.branches[0]?.stuck?.reason ?? '-'));

    await world.clock.advance(1_000);
    await waiting;

    expect(told).toEqual(['code']);
  });

  test('that is stuck when its deadline passes says in the end what it was stuck at', async () => {
    const { engine } = await world.coordinator({
      script: (command) =>
        command.op === 'action'
          ? { outcome: 'unknown', error: { class: 'code', message: 'TypeError: no such field' } }
          : happyScript(command),
    });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS, { timeoutMs: 5_000 }) });

    await world.clock.advance(10_000);

    expect((await engine.get(gid)).saga.abort).toEqual({
      code: 'deadline',
      message: "The deadline passed while step 'create' was stuck (code): TypeError: no such field",
    });
  });
});

describe('what is durable when', () => {
  test('S1 the change of direction is on disk before the first undo is sent', async () => {
    const sends = { count: (): number => 0 };
    const { log, writes } = witnessed(world.log, () => sends.count());
    const { engine, transport } = await world.coordinator({ script: refusing('charge'), log });
    sends.count = () => transport.sent.length;

    await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(200);

    expect(writes).toEqual(['aborting after 3 sends', 'aborted after 5 sends']);
  });

  test('that the pivot is sent is on disk before it is sent', async () => {
    const sends = { count: (): number => 0 };
    const { log, writes } = witnessed(world.log, () => sends.count());
    const { engine, transport } = await world.coordinator({ log });
    sends.count = () => transport.sent.length;
    const submission = planOfSteps(STEPS);
    const [create, reserve, charge] = submission.steps;

    await engine.submit({
      submission: {
        ...submission,
        steps: [create, reserve, { ...charge, pivot: true }].filter(
          (step) => step !== undefined,
        ) as typeof submission.steps,
      },
    });
    await world.clock.advance(200);

    expect(writes).toEqual(['running after 2 sends', 'committed after 3 sends']);
  });

  test('S8 no outcome is told before its write is done, and then at once', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const log = new Proxy(world.log, {
      get: (target, key) =>
        boundMember(target, key, async (updates) => {
          await held;
          return target.update(updates);
        }),
    });
    const { engine } = await world.coordinator({ log });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
    const told: string[] = [];
    const waiting = engine.waitForEnd(gid, 60_000).then((snapshot) => told.push(snapshot.saga.state));

    await world.clock.advance(5_000);
    expect(told).toEqual([]);
    expect((await engine.get(gid)).saga.state).toBe('running');

    release?.();
    await waiting;
    expect(told).toEqual(['committed']);
  });
});

describe('taking over', () => {
  test('L2 the work of a dead instance is taken over within ten seconds and ends', async () => {
    const dead = await world.coordinator({ script: silent });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const heir = await world.coordinator();
    // Killed: its timers never fire again.
    dead.transport.script = silent;
    killRenewal(dead.engine);

    await world.clock.advance(10_000);

    expect((await heir.engine.get(gid)).saga.state).toBe('committed');
    expect((await world.log.get(gid))?.version).toBeGreaterThan(2);
  });

  test('S9 the former driver, back from a pause, changes nothing', async () => {
    const paused = await world.coordinator({ script: silent });
    const { gid } = await paused.engine.submit({ submission: planOfSteps(STEPS) });
    killRenewal(paused.engine);
    const heir = await world.coordinator({ script: refusing('charge') });
    await world.clock.advance(10_000);
    expect((await heir.engine.get(gid)).saga.state).toBe('aborted');

    const [create] = paused.transport.sent;
    paused.transport.script = happyScript;
    if (create !== undefined) {
      paused.transport.reply(create, { outcome: 'done', output: {} });
    }
    await world.clock.advance(1_000);

    expect((await world.log.get(gid))?.state).toBe('aborted');
    expect(paused.engine.activeCount).toBe(0);
  });

  test('S7 an abort by a driver that cannot know what was sent undoes every step', async () => {
    const first = await world.coordinator({
      script: (command) => (command.branchId === 'charge' ? undefined : happyScript(command)),
    });
    const { gid } = await first.engine.submit({ submission: planOfSteps(STEPS, { timeoutMs: 3_600_000 }) });
    await world.clock.advance(100);
    const second = await world.coordinator({
      script: (command) => (command.op === 'action' ? undefined : { outcome: 'undone', wasEmpty: true }),
    });

    await second.engine.act(gid, { type: 'abort', by: 'ann', reason: 'customer left' });
    await world.clock.advance(1_000);

    const undone = second.transport.ops.filter((op) => op.startsWith('compensate'));
    expect(undone).toEqual(['compensate charge', 'compensate reserve', 'compensate create']);
    expect((await second.engine.get(gid)).saga.state).toBe('aborted');
  });

  test.each(['abort', 'pause'] as const)('for the act %s asks for no step before it', async (type) => {
    const first = await world.coordinator({ script: silent });
    const { gid } = await first.engine.submit({
      submission: planOfSteps(STEPS, { timeoutMs: 3_600_000 }),
    });
    const second = await world.coordinator();

    const { saga } = await second.engine.act(gid, { type, by: 'ann', reason: 'wrong customer' });
    await world.clock.advance(1_000);

    expect(second.transport.ops.filter((op) => op.startsWith('action'))).toEqual([]);
    expect(saga.history.slice(1, 3).map(({ what }) => what)).toEqual(['claimed', `operator-${type}`]);
  });

  test('for an act that the state forbids goes on with the saga all the same', async () => {
    const first = await world.coordinator({ script: silent });
    const { gid } = await first.engine.submit({ submission: planOfSteps(STEPS) });
    const second = await world.coordinator();

    const act = second.engine.act(gid, { type: 'resume', by: 'ann', reason: 'go on' });

    await expect(act).rejects.toThrow('is not paused');
    await world.clock.advance(1_000);
    expect((await second.engine.get(gid)).saga.state).toBe('committed');
  });

  test('L3 a row that cannot be read is marked for operators, and delays nothing else', async () => {
    const dead = await world.coordinator({ script: silent });
    const spoilt = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const good = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const row = await world.log.get(spoilt.gid);
    killRenewal(dead.engine);
    if (row !== undefined) {
      world.log.plant({ ...row, progress: { branches: 'nonsense' } });
    }
    const heir = await world.coordinator();
    await world.clock.advance(10_000);

    expect((await heir.engine.get(good.gid)).saga.state).toBe('committed');
    expect(await world.log.get(spoilt.gid)).toMatchObject({
      stuckReason: 'code',
      progress: { branches: 'nonsense' },
    });
  });

  test('a row of a later format is left alone', async () => {
    const dead = await world.coordinator({ script: silent });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    const row = await world.log.get(gid);
    killRenewal(dead.engine);
    if (row !== undefined) {
      world.log.plant({ ...row, format: 99 });
    }
    await world.coordinator();
    await world.clock.advance(10_000);

    expect(await world.log.get(gid)).toMatchObject({ format: 99, version: 1, state: 'running' });
  });

  test('an instance that stops hands over at once', async () => {
    const leaving = await world.coordinator({ script: silent });
    const { gid } = await leaving.engine.submit({ submission: planOfSteps(STEPS) });
    const heir = await world.coordinator();

    await leaving.engine.stop();
    await world.clock.advance(1_500);

    expect((await heir.engine.get(gid)).saga.state).toBe('committed');
  });
});

describe('a log that does not answer', () => {
  test.each(['before', 'after'] as const)(
    'an end whose write failed %s it took effect is written once and told',
    async (when) => {
      const { log, arm } = flaky('update', when);
      const { engine } = await world.coordinator({ log });
      arm();
      const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });

      await world.clock.advance(5_000);

      expect(await world.log.get(gid)).toMatchObject({ state: 'committed', version: 2 });
      expect((await engine.waitForEnd(gid, 0)).saga.state).toBe('committed');
    },
  );

  test('an acceptance whose answer was lost is an error to the client, and still ends', async () => {
    const { log, arm } = flaky('accept', 'after');
    const { engine } = await world.coordinator({ log });
    arm();

    await expect(engine.submit({ submission: planOfSteps(STEPS) })).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
    });
    await world.clock.advance(30_000);

    const [row] = await world.log.list({ limit: 10 });
    expect(row?.state).toBe('committed');
  });

  test('rows whose claim was never answered are found and driven', async () => {
    const dead = await world.coordinator({ script: () => undefined });
    const { gid } = await dead.engine.submit({ submission: planOfSteps(STEPS) });
    await dead.engine.stop();
    const { log, arm } = flaky('claimDue', 'after');
    arm();
    await expect(world.coordinator({ log })).rejects.toThrow('connection lost');
    const { engine } = await world.coordinator({ log });
    await world.clock.advance(30_000);

    expect((await engine.get(gid)).saga.state).toBe('committed');
  });
});

describe('the idempotency key', () => {
  const idempotency = { key: 'order-7', bodyHash: 'a' };

  test('S11 gives the same transaction for the same body', async () => {
    const { engine } = await world.coordinator();
    const first = await engine.submit({ submission: planOfSteps(STEPS), idempotency });

    const again = await engine.submit({ submission: planOfSteps(STEPS), idempotency });

    expect(again).toEqual({ gid: first.gid, isReplay: true });
  });

  test('gives it also when the service has left the catalogue since', async () => {
    const { engine } = await world.coordinator();
    const first = await engine.submit({ submission: planOfSteps(STEPS), idempotency });
    await world.withdraw('shop');
    await world.clock.advance(5_000);

    expect(await engine.submit({ submission: planOfSteps(STEPS), idempotency })).toEqual({
      gid: first.gid,
      isReplay: true,
    });
    await expect(engine.submit({ submission: planOfSteps(STEPS) })).rejects.toMatchObject({
      code: 'UNKNOWN_ACTION',
    });
  });

  test('is refused for another body, and while the first request is under way', async () => {
    const { engine } = await world.coordinator();
    const first = engine.submit({ submission: planOfSteps(STEPS), idempotency });

    await expect(engine.submit({ submission: planOfSteps(STEPS), idempotency })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_IN_FLIGHT',
    });
    await first;
    await expect(
      engine.submit({ submission: planOfSteps(STEPS), idempotency: { key: 'order-7', bodyHash: 'b' } }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  });
});

describe('what cannot be accepted leaves nothing behind', () => {
  test('an unknown action is refused with the nearest name', async () => {
    const { engine } = await world.coordinator();

    await expect(engine.submit({ submission: planOfSteps(['chrage']) })).rejects.toMatchObject({
      code: 'UNKNOWN_ACTION',
      message: "Service 'shop' has no action 'chrage'. The nearest one is 'charge'.",
    });
    expect(await world.log.list({ limit: 10 })).toEqual([]);
  });

  test('L5 a full house refuses new work and goes on with the old', async () => {
    const { engine } = await world.coordinator({ script: () => undefined, options: { activeCountMax: 1 } });
    await engine.submit({ submission: planOfSteps(STEPS) });

    await expect(engine.submit({ submission: planOfSteps(STEPS) })).rejects.toMatchObject({
      code: 'OVERLOADED',
    });
  });
});

function silent(): undefined {
  return undefined;
}

/** A log that remembers what was written when, together with what had been sent by then. */
function witnessed(log: TransactionLog, sentCount: () => number): { log: TransactionLog; writes: string[] } {
  const writes: string[] = [];
  const update = async (updates: readonly RowUpdate[]): Promise<readonly boolean[]> => {
    writes.push(...updates.map(({ progress }) => `${progress.state} after ${sentCount()} sends`));
    return log.update(updates);
  };
  return { log: new Proxy(log, { get: (target, key) => boundMember(target, key, update) }), writes };
}

function boundMember(
  target: TransactionLog,
  key: string | symbol,
  update: TransactionLog['update'],
): unknown {
  const member: unknown = key === 'update' ? update : Reflect.get(target, key);
  return typeof member === 'function' && key !== 'update' ? member.bind(target) : member;
}

function killRenewal(engine: { stop(): Promise<void> }): void {
  const { recovery } = engine as unknown as { recovery: { stop(): void } };
  recovery.stop();
}

/** Fails the next call of `method`, before or after it took effect. */
function flaky(
  method: 'accept' | 'update' | 'claimDue',
  when: 'before' | 'after',
): { log: TransactionLog; arm: () => void } {
  let isArmed = false;
  const log = new Proxy(world.log, {
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== 'function') {
        return member;
      }
      return async (...args: unknown[]) => {
        const fails = key === method && isArmed;
        isArmed &&= !fails;
        if (fails && when === 'before') {
          throw new Error('connection lost');
        }
        const answer: unknown = await Reflect.apply(member, target, args);
        if (fails) {
          throw new Error('connection lost');
        }
        return answer;
      };
    },
  });
  return {
    log,
    arm: () => {
      isArmed = true;
    },
  };
}
