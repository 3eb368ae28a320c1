import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Engine } from './engine.js';
import { EngineWorld, happyScript, SeededRandom, type ScriptedTransport } from './testing/index.js';
import { LedCase } from './testing/led.requests.js';

/** By then the next attempt is up to half a minute away. */
const AWAY_MS = 180_000;

/** As long as the catalogue takes to hear of an instance, and the spread after that. */
const SOON_MS = 4_500;

const DOWN = { outcome: 'unknown', error: { class: 'unreachable', message: 'down' } } as const;

let world: EngineWorld;
let engine: Engine;
let transport: ScriptedTransport;

beforeEach(async () => {
  world = new EngineWorld();
  ({ engine, transport } = await world.coordinator({ script: () => DOWN }));
});

describe('what waits for a service that was away', () => {
  test('is asked again soon after an instance has come', async () => {
    const gids = await commitMany(40);
    await world.clock.advance(AWAY_MS);

    transport.script = happyScript;
    await world.offer('hotel', ['hold?']);
    await world.clock.advance(SOON_MS);

    expect(await statesOf(gids)).toEqual(new Set(['committed']));
  });

  test('is not asked by all at once, however many have waited', async () => {
    await commitMany(700);
    await world.clock.advance(AWAY_MS);
    await world.offer('hotel', ['hold?']);
    // Nobody is asked twice in that time.
    transport.script = () => undefined;
    transport.sent.length = 0;

    await world.clock.advance(SOON_MS);

    expect(transport.sent.length).toBeLessThan(700);
  });

  test('keeps to its own time when another service comes, or the same instance registers again', async () => {
    await world.offer('hotel', ['hold?']);
    await commitMany(20);
    await world.clock.advance(20_000);
    transport.script = () => undefined;
    transport.sent.length = 0;

    await world.offer('car', ['rent?']);
    await world.offer('hotel', ['hold?']);
    await world.clock.advance(SOON_MS);

    expect(transport.sent.length).toBeLessThan(20);
  });

  test('stays stuck where its attempts were out', async () => {
    const [gid = ''] = await commitMany(1);
    await world.clock.advance(3_600_000);

    transport.script = happyScript;
    await world.offer('hotel', ['hold?']);
    await world.clock.advance(SOON_MS);

    expect((await engine.get(gid)).saga.branches[0]?.stuck?.reason).toBe('participant-down');
  });
});

async function commitMany(count: number): Promise<string[]> {
  const random = new SeededRandom(7);
  const trips = Array.from({ length: count }, () => new LedCase(world.clock, random));
  await Promise.all(trips.map(async (trip) => engine.decide(trip.gid, trip.commit(['1']))));
  return trips.map(({ gid }) => gid);
}

async function statesOf(gids: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(gids.map(async (gid) => engine.get(gid)));
  return new Set(found.map(({ saga }) => saga.state));
}
