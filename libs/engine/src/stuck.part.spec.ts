import { beforeEach, describe, expect, test } from '@jest/globals';
import { EngineWorld, SeededRandom, type Script } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';
import { summaryOf, viewOf } from './transaction.view.js';

let world: EngineWorld;
let lines: [event: string, fields: Readonly<Record<string, unknown>>][];

beforeEach(() => {
  world = new EngineWorld();
  lines = [];
});

const logger = {
  info: () => undefined,
  warn: (fields: Readonly<Record<string, unknown>>, event: string) => void lines.push([event, fields]),
  error: () => undefined,
};

function linesOf(event: string): Readonly<Record<string, unknown>>[] {
  return lines.flatMap(([one, fields]) => (one === event ? [fields] : []));
}

/** The first branch is lost, and nobody answers for the others. */
const lostAndDown: Script = ({ branchId }) =>
  branchId === '1'
    ? { outcome: 'lost', message: 'no row' }
    : { outcome: 'unknown', error: { class: 'unreachable', message: 'down' } };

describe('whoever is on call', () => {
  test('is told at once of a transaction that gets stuck, though another branch still goes on', async () => {
    const { engine } = await world.coordinator({ logger, script: lostAndDown });
    const trip = new LedCase(world.clock, new SeededRandom(7));

    await engine.decide(trip.gid, trip.commit(['1', '2']));
    await world.clock.advance(5_000);

    expect(linesOf('transaction stuck')).toEqual([
      {
        gid: trip.gid,
        name: 'book-trip',
        reason: 'branch-lost',
        branchId: '1',
        service: 'hotel',
        op: 'confirm',
      },
    ]);
    const stuck = { reason: 'branch-lost', branchId: '1', service: 'hotel', op: 'confirm' };
    expect(summaryOf(await engine.get(trip.gid)).stuck).toMatchObject(stuck);
    expect(viewOf(await engine.get(trip.gid)).branches[0]?.stuck).toMatchObject(stuck);
  });

  test('is told of a log that has begun a new life, and where it says what to do', async () => {
    await world.coordinator({ logger });
    world.log.life = 2;

    await world.clock.advance(10_000);

    expect(linesOf('the log is in a new life')).toEqual([
      { from: 1, to: 2, remedy: expect.stringContaining('The log was restored') },
    ]);
  });

  test('is told once of a transaction that only a person can decide, however many of its branches ask', async () => {
    const trip = new LedCase(world.clock, new SeededRandom(7));
    const { engine } = await world.coordinator({ logger });
    world.log.life = 2;
    await world.clock.advance(TIMEOUT_MS);

    await engine.doubts([trip.doubt('1'), trip.doubt('2')]);
    await engine.doubts([trip.doubt('1')]);

    expect(linesOf('transaction stuck')).toMatchObject([
      { gid: trip.gid, reason: 'log-restored', branchId: '1', service: 'hotel' },
    ]);
  });
});
