import { expect, test } from '@jest/globals';
import { CatalogueRereading } from './catalogue.rereading.js';
import { EngineWorld, ManualClock, planOfSteps } from './testing/index.js';

test('a service that has registered at another coordinator is known to the next plan that names it', async () => {
  const world = new EngineWorld();
  const { engine } = await world.coordinator();
  await world.offer('shop', ['reserve']);

  const { gid } = await engine.submit({ submission: planOfSteps(['reserve']) });
  await world.clock.advance(1_000);

  expect(await engine.get(gid)).toMatchObject({ saga: { state: 'committed' } });
});

test('so is an action that a newer version of the service offers, under an idempotency key too', async () => {
  const world = new EngineWorld();
  await world.offer('shop', ['reserve']);
  const { engine } = await world.coordinator();
  await world.offer('shop', ['reserve', 'charge']);

  const idempotency = { key: 'order-7', bodyHash: 'a' };
  const answer = await engine.submit({ submission: planOfSteps(['reserve', 'charge']), idempotency });

  expect(answer.isReplay).toBe(false);
});

test('plans that wait for one reading are not let in past what the coordinator may hold', async () => {
  const world = new EngineWorld();
  const { engine } = await world.coordinator({ options: { activeCountMax: 1 } });
  await world.offer('shop', ['reserve']);

  const answers = await Promise.allSettled(
    [1, 2, 3].map(async () => engine.submit({ submission: planOfSteps(['reserve']) })),
  );

  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
});

test('however many ask for what does not exist, the store is read a few times in a second, and each of them is answered by a reading that began after it asked', async () => {
  const clock = new ManualClock();
  let readCount = 0;
  const rereading = new CatalogueRereading({ refresh: async () => void (readCount += 1) }, clock);
  const answers: Promise<{ before: number; after: number }>[] = [];
  async function ask(): Promise<{ before: number; after: number }> {
    const before = readCount;
    await rereading.reread();
    return { before, after: readCount };
  }
  for (let asked = 0; asked < 100; asked += 1) {
    answers.push(ask());
    // oxlint-disable-next-line no-await-in-loop -- they come one after the other.
    await clock.advance(10);
  }
  await clock.advance(250);

  expect((await Promise.all(answers)).filter(({ before, after }) => after <= before)).toEqual([]);
  expect(readCount).toBe(5);
});

test('a reading that fails is told to those who wait for it, and the next one is tried', async () => {
  const clock = new ManualClock();
  const outcomes = [new Error('The database is gone.'), undefined];
  const rereading = new CatalogueRereading(
    {
      refresh: async () => {
        const failure = outcomes.shift();
        if (failure !== undefined) throw failure;
      },
    },
    clock,
  );

  await expect(rereading.reread()).rejects.toThrow('gone');
  const next = rereading.reread();
  await clock.advance(250);

  await expect(next).resolves.toBeUndefined();
});
