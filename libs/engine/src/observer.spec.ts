import { beforeEach, describe, expect, test } from '@jest/globals';
import type { EngineObserver } from './observer.port.js';
import { EngineWorld, planOfSteps, refusing, SeededRandom } from './testing/index.js';
import { LedCase } from './testing/led.requests.js';

const STEPS = ['create', 'reserve'];

let world: EngineWorld;
let trip: LedCase;
let words: string[];
let observer: EngineObserver;

beforeEach(async () => {
  world = new EngineWorld();
  await world.offer('shop', STEPS);
  trip = new LedCase(world.clock, new SeededRandom(7));
  words = [];
  observer = {
    accepted: (kind) => words.push(`accepted ${kind}`),
    ended: ({ kind, outcome, durationMs }) => words.push(`ended ${kind} ${outcome} after ${durationMs} ms`),
    gotStuck: (reason) => words.push(`stuck ${reason}`),
    takenOver: () => words.push('taken over'),
    overloaded: () => words.push('overloaded'),
    judged: (verdicts) => words.push(...verdicts.map(({ verdict }) => `judged ${verdict}`)),
  };
});

describe('an observer is told', () => {
  test.each([
    ['commits', undefined, 'committed'],
    ['is refused', refusing('reserve'), 'aborted'],
  ])('that a saga that %s is accepted and has ended, each once', async (_, script, outcome) => {
    const { engine } = await world.coordinator({ observer, ...(script === undefined ? {} : { script }) });

    await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(1_000);

    expect(words).toEqual(['accepted saga', `ended saga ${outcome} after 0 ms`]);
  });

  test('how long a saga took, without the time that the write of its end may stay behind', async () => {
    const { engine, transport } = await world.coordinator({ observer, script: () => undefined });
    await engine.submit({ submission: planOfSteps(['create']) });
    await world.clock.advance(700);

    transport.sent.forEach((command) => transport.reply(command, { outcome: 'done', output: null }));
    await world.clock.advance(500);

    expect(words).toEqual(['accepted saga', 'ended saga committed after 700 ms']);
  });

  test('nothing of a key that is used again', async () => {
    const { engine } = await world.coordinator({ observer });
    const request = { submission: planOfSteps(STEPS), idempotency: { key: 'k', bodyHash: 'h' } };
    await engine.submit(request);
    await world.clock.advance(1_000);

    await engine.submit(request);

    expect(words.filter((word) => word.startsWith('accepted'))).toEqual(['accepted saga']);
  });

  test('why a saga is stuck, once', async () => {
    const { engine } = await world.coordinator({
      observer,
      script: () => ({ outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }),
    });

    await engine.submit({ submission: planOfSteps(STEPS) });
    await world.clock.advance(1_000);

    expect(words).toEqual(['accepted saga', 'stuck code']);
  });

  test('that an empty led transaction is accepted and has ended with its decision', async () => {
    const { engine } = await world.coordinator({ observer });

    await engine.decide(trip.gid, trip.commit([]));

    expect(words).toEqual(['accepted led', 'ended led committed after 0 ms']);
  });

  test('what participants in doubt were told, and that this ended a transaction', async () => {
    const { engine } = await world.coordinator({ observer });

    await engine.doubts([trip.doubt('1'), trip.doubt('2')]);

    expect(words).toEqual(['accepted led', 'ended led aborted after 0 ms', 'judged undo', 'judged undo']);
  });

  test('that a saga of an instance without a lease is driven here', async () => {
    const { engine: former } = await world.coordinator({ script: () => undefined });
    await former.submit({ submission: planOfSteps(STEPS) });
    await former.stop();

    await world.coordinator({ observer });
    await world.clock.advance(1_000);

    expect(words.filter((word) => word === 'taken over')).toHaveLength(1);
  });

  test('that a saga was turned away from a full house', async () => {
    const { engine } = await world.coordinator({
      observer,
      script: () => undefined,
      options: { activeCountMax: 1 },
    });
    await engine.submit({ submission: planOfSteps(STEPS) });

    await expect(engine.submit({ submission: planOfSteps(STEPS) })).rejects.toThrow('which is all it may');
    expect(words).toEqual(['accepted saga', 'overloaded']);
  });
});
