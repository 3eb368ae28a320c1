import { beforeEach, expect, test } from '@jest/globals';
import type { Verdict } from '@atone/protocol';
import { EngineWorld, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

test('a question takes its name from what its initiator told, and waits until its deadline', async () => {
  const { engine } = await world.coordinator();
  engine.notice([trip.notice({ tags: { order: '7' } })]);

  const early = await engine.doubts([trip.doubt('1')]);
  await world.clock.advance(TIMEOUT_MS + 1);
  const late = await engine.doubts([trip.doubt('1')]);

  expect(early).toMatchObject([{ verdict: 'wait', waitMs: TIMEOUT_MS }]);
  expect(verdictsOf(late)).toEqual(['undo']);
  expect(await world.log.get(trip.gid)).toMatchObject({ name: 'book-trip', tags: { order: '7' } });
});

test('a question waits until the deadline that its call told, also where no notice of its beginning was heard', async () => {
  const { engine } = await world.coordinator();
  const doubt = trip.doubt('1', { timeoutMs: TIMEOUT_MS });
  await world.clock.advance(1_000);

  const early = await engine.doubts([doubt]);
  await world.clock.advance(TIMEOUT_MS - 1_000);
  const late = await engine.doubts([doubt]);

  expect(early).toMatchObject([{ verdict: 'wait', waitMs: TIMEOUT_MS - 1_000 }]);
  expect(verdictsOf(late)).toEqual(['undo']);
  expect(await world.log.get(trip.gid)).toMatchObject({
    state: 'aborted',
    deadlineAt: world.clock.now(),
  });
});

test('a question waits for the later one of two deadlines that were told, and so do the questions that tell none', async () => {
  const { engine } = await world.coordinator();
  engine.notice([trip.notice({ timeoutMs: 5_000 })]);
  await world.clock.advance(6_000);

  const early = await engine.doubts([trip.doubt('1', { timeoutMs: TIMEOUT_MS }), trip.doubt('2')]);
  await world.clock.advance(TIMEOUT_MS);

  expect(verdictsOf(early)).toEqual(['wait', 'wait']);
  expect(verdictsOf(await engine.doubts([trip.doubt('2')]))).toEqual(['undo']);
});

function verdictsOf(verdicts: readonly Verdict[]): Verdict['verdict'][] {
  return verdicts.map(({ verdict }) => verdict);
}
