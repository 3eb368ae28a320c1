import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from './engine.js';
import type { ClaimedRow } from './log.port.js';
import { EngineWorld, overriding, planOfSteps, type Script } from './testing/index.js';

const STEPS = ['create'];
const COUNT = 450;
/** How long the log takes for one statement. */
const STATEMENT_MS = 100;

const silent: Script = () => undefined;
const ignore = (): void => undefined;

let world: EngineWorld;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', STEPS);
});

describe('when the log begins a new life', () => {
  test('an instance takes its many rows anew by a few statements, and does its other work meanwhile', async () => {
    const statements: string[] = [];
    const timed = async (
      what: string,
      work: () => Promise<readonly ClaimedRow[]>,
    ): Promise<readonly ClaimedRow[]> => {
      const rows = await work();
      statements.push(`${what} ${rows.length}`);
      await new Promise<void>((resolve) => {
        world.clock.setTimer(STATEMENT_MS, resolve);
      });
      return rows;
    };
    const log = overriding(world.log, {
      claimOwn: async (id, gids) => timed('own', async () => world.log.claimOwn(id, gids)),
      claimDue: async (id, limit) => timed('due', async () => world.log.claimDue(id, limit)),
    });
    const starting = world.coordinator({ log, script: silent });
    await world.clock.advance(1_000);
    const { engine } = await starting;
    const plans = Array.from({ length: COUNT }, async () =>
      engine.submit({ submission: planOfSteps(STEPS) }),
    );
    await world.clock.advance(1_000);
    await Promise.all(plans);
    statements.length = 0;

    world.log.life = 2;
    await world.clock.advance(5_000);

    expect(statements.filter((one) => one.startsWith('own'))).toEqual(['own 200', 'own 200', 'own 50']);
    const [first, last] = [statements.indexOf('own 200'), statements.indexOf('own 50')];
    expect(statements.slice(first, last)).toContain('due 0');
    expect([engine.activeCount, engine.isTakingWork]).toEqual([COUNT, true]);
  });
});

describe('what an instance takes over', () => {
  test('is told by one line for each that has left something, with how much it was', async () => {
    const leaving = [await busy('plenty', COUNT), await busy('few', 3)];
    await Promise.all(leaving.map(async (engine) => engine.stop()));
    const told: object[] = [];
    const info = (fields: object, event: string): void => void told.push({ ...fields, event });

    await world.coordinator({ script: silent, logger: { info, warn: ignore, error: ignore } });
    await world.clock.advance(10_000);

    const event = 'took over transactions';
    expect(told).toHaveLength(2);
    expect(told).toEqual(
      expect.arrayContaining([
        { event, from: 'plenty', count: COUNT },
        { event, from: 'few', count: 3 },
      ]),
    );
  });
});

/** Returns an instance that has accepted so many transactions. */
async function busy(instanceId: string, count: number): Promise<Engine> {
  const { engine } = await world.coordinator({ script: silent, instanceId });
  const plans = Array.from({ length: count }, async () => engine.submit({ submission: planOfSteps(STEPS) }));
  await world.clock.advance(1_000);
  await Promise.all(plans);
  return engine;
}
