import { beforeEach, expect, test } from '@jest/globals';
import { EngineWorld, happyScript, SeededRandom, type Script } from './testing/index.js';
import { LedCase, told } from './testing/led.requests.js';
import { summaryOf, viewOf } from './transaction.view.js';

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

/** Refuses to confirm the branches that a test names, and says yes to everything else. */
function refusing(...branchIds: readonly string[]): Script {
  return (command) =>
    command.op === 'confirm' && branchIds.includes(command.branchId)
      ? { outcome: 'refused', refusal: { reason: 'sold out', isStored: true } }
      : happyScript(command);
}

test('a commit of which one confirm is refused is stuck as mixed, with what is confirmed and what is not', async () => {
  const { engine } = await world.coordinator({ script: refusing('2') });
  await engine.decide(trip.gid, trip.commit(['1', '2', '3'], { thrown: [told('4')] }));
  await world.clock.advance(200);

  const snapshot = await engine.get(trip.gid);

  const branch = { service: 'hotel', action: 'hold' };
  expect(viewOf(snapshot).stuck).toMatchObject({
    reason: 'mixed',
    branchId: '2',
    mixed: {
      confirmedCount: 2,
      confirmed: [
        { branchId: '1', ...branch, state: 'confirmed' },
        { branchId: '3', ...branch, state: 'confirmed' },
      ],
      notConfirmedCount: 1,
      notConfirmed: [{ branchId: '2', ...branch, state: 'confirming' }],
    },
  });
  expect(summaryOf(snapshot).stuck?.mixed).toBeUndefined();
});

test('of long lists the first hundred are told, and how many there are', async () => {
  const ids = Array.from({ length: 150 }, (_, index) => String(index + 1));
  const { engine } = await world.coordinator({ script: refusing(...ids.slice(0, 120)) });
  await engine.decide(trip.gid, trip.commit(ids));
  await world.clock.advance(200);

  const { stuck } = viewOf(await engine.get(trip.gid));

  const { confirmed, notConfirmed, ...counts } = stuck?.mixed ?? {};
  expect(counts).toEqual({ confirmedCount: 30, notConfirmedCount: 120 });
  expect([confirmed?.length, notConfirmed?.length]).toEqual([30, 100]);
  expect(stuck?.message.length).toBeLessThan(200);
});
