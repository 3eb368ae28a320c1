import { beforeEach, describe, expect, test } from '@jest/globals';
import type { InstanceFacts } from './log.port.js';
import { EngineWorld, planOfSteps } from './testing/engine-world.js';

const FACTS: InstanceFacts = { version: '1.0.0', format: 1, replyPartitions: [] };

let world: EngineWorld;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', ['reserve']);
});

async function factsOf(instanceId: string): Promise<InstanceFacts | undefined> {
  return (await world.log.instances()).find((row) => row.instanceId === instanceId)?.facts;
}

function countRenewals(): { readonly count: number } {
  const renewals = { count: 0 };
  const renew = world.log.renewLease.bind(world.log);
  world.log.renewLease = async (...given) => {
    renewals.count += 1;
    return renew(...given);
  };
  return renewals;
}

describe('what an instance tells others of itself', () => {
  let told: InstanceFacts = FACTS;
  const facts = (): InstanceFacts => told;

  beforeEach(() => {
    told = FACTS;
  });

  test('is in the log when it has started', async () => {
    const { engine } = await world.coordinator({ options: { facts } });

    expect(await factsOf(engine.instanceId)).toEqual(FACTS);
  });

  test('is told anew with each renewal of its lease', async () => {
    const { engine } = await world.coordinator({ options: { facts } });
    told = { ...FACTS, replyPartitions: [1] };

    await world.clock.advance(2_000);

    expect(await factsOf(engine.instanceId)).toEqual(told);
  });

  test('is told soon where there is news, and once however much there is', async () => {
    const renewals = countRenewals();
    const { engine } = await world.coordinator({ options: { facts } });
    told = { ...FACTS, replyPartitions: [2] };

    engine.tellFacts();
    engine.tellFacts();
    await world.clock.advance(150);

    expect(await factsOf(engine.instanceId)).toEqual(told);
    expect(renewals.count).toBe(2);
  });

  test('is told no more once it has stopped: its lease stays ended', async () => {
    const { engine } = await world.coordinator({ options: { facts } });
    engine.tellFacts();
    await engine.stop();

    engine.tellFacts();
    await world.clock.advance(1_000);

    expect(await world.log.instances()).toMatchObject([{ isLive: false }]);
  });

  test('can wait for the next renewal while the log does not answer', async () => {
    const { engine } = await world.coordinator({ options: { facts } });
    told = { ...FACTS, replyPartitions: [3] };
    const renew = world.log.renewLease.bind(world.log);
    world.log.renewLease = async () => Promise.reject(new Error('cut off'));
    engine.tellFacts();
    await world.clock.advance(150);
    world.log.renewLease = renew;

    await world.clock.advance(2_000);

    expect(await factsOf(engine.instanceId)).toEqual(told);
  });
});

describe('a row of a later format, though it could be read', () => {
  let gid = '';

  beforeEach(async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    ({ gid } = await engine.submit({ submission: planOfSteps(['reserve']) }));
    const row = await world.log.get(gid);
    if (row !== undefined) {
      world.log.plant({ ...row, format: 2 });
    }
  });

  test('takes no act, and is told to be of that format', async () => {
    const { engine } = await world.coordinator();

    const abort = engine.act(gid, { type: 'abort', by: 'ann', reason: 'test' });

    await expect(abort).rejects.toMatchObject({
      name: 'UnreadableRowError',
      message: `The row of transaction ${gid} cannot be read: its format is 2, and 1 is the last one known here.`,
    });
    expect(await world.log.get(gid)).toMatchObject({ format: 2, version: 1, state: 'running' });
  });

  test('is not shown as if it were understood', async () => {
    const { engine } = await world.coordinator();

    await expect(engine.get(gid)).rejects.toMatchObject({ format: 2 });
  });
});
