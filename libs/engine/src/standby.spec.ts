import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from './engine.js';
import { EngineWorld, planOfSteps } from './testing/engine-world.js';

const WHY = 'This coordinator stands by.';

/** It is noticed soon, and the others look for work every second. */
const HANDED_OVER_MS = 2_000;

describe('an instance that stands by', () => {
  let world: EngineWorld;
  let why: string | undefined;
  /** The one that stands by when the test says so, and the other. */
  let engines: readonly [Engine, Engine];
  let asked: readonly [() => number, () => number];

  beforeEach(async () => {
    world = new EngineWorld();
    why = undefined;
    await world.offer('shop', ['reserve']);
    const [one, other] = [
      await world.coordinator({ script: () => undefined, options: { standby: () => why } }),
      await world.coordinator({ script: () => undefined }),
    ];
    engines = [one.engine, other.engine];
    asked = [() => one.transport.sent.length, () => other.transport.sent.length];
  });

  test('refuses what is new with its words, and takes it again afterwards', async () => {
    const [engine] = engines;
    why = WHY;

    const refused = engine.submit({ submission: planOfSteps(['reserve']) });

    await expect(refused).rejects.toMatchObject({ code: 'OVERLOADED', message: WHY, retryable: true });
    why = undefined;
    await expect(submit()).resolves.toMatch(/./u);
  });

  test('leaves what it drives to the others at once', async () => {
    const gid = await submit();
    await world.clock.advance(100);

    await standBy();

    expect(engines.map(({ activeCount }) => activeCount)).toEqual([0, 1]);
    expect(asked.map((count) => count())).toEqual([1, 1]);
    expect(await world.log.get(gid)).toMatchObject({ owner: engines[1].instanceId });
  });

  test('lives on for the others to see', async () => {
    await submit();
    await standBy();

    await world.clock.advance(10_000);

    expect(await world.log.instances()).toMatchObject([{ isLive: true }, { isLive: true }]);
  });

  test('takes nothing over, though it were the only one left', async () => {
    await standBy();
    await engines[1].submit({ submission: planOfSteps(['reserve']) });
    await engines[1].stop();

    await world.clock.advance(10_000);
    const before = engines[0].activeCount;
    why = undefined;
    engines[0].tellFacts();
    await world.clock.advance(HANDED_OVER_MS);

    expect([before, engines[0].activeCount]).toEqual([0, 1]);
  });

  test('goes on with what nobody has taken from it, as soon as it stands by no more', async () => {
    await engines[1].stop();
    await submit();
    await standBy();
    const before = engines[0].activeCount;

    why = undefined;
    engines[0].tellFacts();
    await world.clock.advance(HANDED_OVER_MS);

    expect([before, engines[0].activeCount]).toEqual([0, 1]);
    expect(await world.log.instances()).toMatchObject([{ isLive: true }, { isLive: false }]);
  });

  test('leaves to the others what an act of an operator has brought back to it', async () => {
    const gid = await submit();
    await standBy();

    await engines[0].act(gid, { type: 'abort', by: 'ann', reason: 'too late' });
    await world.clock.advance(5_000);

    expect(engines.map(({ activeCount }) => activeCount)).toEqual([0, 1]);
    expect(await world.log.get(gid)).toMatchObject({ owner: engines[1].instanceId, state: 'aborting' });
  });

  async function submit(): Promise<string> {
    const { gid } = await engines[0].submit({ submission: planOfSteps(['reserve']) });
    return gid;
  }

  async function standBy(): Promise<void> {
    why = WHY;
    engines[0].tellFacts();
    await world.clock.advance(HANDED_OVER_MS);
  }
});
