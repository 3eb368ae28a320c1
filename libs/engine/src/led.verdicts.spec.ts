import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import type { Verdict } from '@atone/protocol';
import type { Engine } from './engine.js';
import { EngineWorld, happyScript, SeededRandom, type Script } from './testing/index.js';
import { LedCase, told } from './testing/led.requests.js';

const LOST: BranchReply = { outcome: 'lost', message: 'There is no row.' };

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

describe('who asks while the coordinator brings the decision', () => {
  test.each<[string, 'commit' | 'abort']>([
    ['a commit', 'commit'],
    ['an abort', 'abort'],
  ])('waits for its turn in %s, and only a straggler is told to undo', async (_, to) => {
    const { engine } = await world.coordinator({ script: () => undefined });
    await engine.decide(trip.gid, trip[to](['1', '2'], { thrown: [told('3')] }));

    const verdicts = await ask(engine, ['1', '2', '3', '2~k7.1']);

    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['wait', 'wait', 'wait', 'undo']);
    expect(verdicts.map(({ isStraggler = false }) => isStraggler)).toEqual([false, false, false, true]);
    expect(verdicts[0]?.waitMs).toBeGreaterThan(0);
  });

  test('is told to undo what has another nonce than the list, but waits for the undo that asks for none', async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    await engine.decide(trip.gid, trip.commit(['1'], { thrown: [told('2')] }));
    const nonce = 'another-run-of-it';

    const verdicts = await engine.doubts([trip.doubt('1', { nonce }), trip.doubt('2', { nonce })]);

    expect(verdicts).toMatchObject([{ verdict: 'undo', isStraggler: true }, { verdict: 'wait' }]);
  });

  test('waits as long as it is paused', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1', '2']));
    await engine.act(trip.gid, { type: 'pause', by: 'ann', reason: 'the hotel is being repaired' });
    await engine.decide(trip.gid, trip.abort(['1', '2']));
    await world.clock.advance(3_600_000);

    expect(await ask(engine, ['1', '2'])).toMatchObject([{ verdict: 'wait' }, { verdict: 'wait' }]);

    await engine.act(trip.gid, { type: 'resume', by: 'ann', reason: 'repaired' });
    await world.clock.advance(500);
    expect(await ask(engine, ['1', '2'])).toMatchObject([{ verdict: 'undo' }, { verdict: 'undo' }]);
  });
});

describe('who asks about a branch that an operator has skipped', () => {
  test('is left to people', async () => {
    const { engine } = await world.coordinator({ script: losing('1') });
    await engine.decide(trip.gid, trip.commit(['1', '2']));
    await world.clock.advance(200);
    await engine.act(trip.gid, { type: 'skip', branchId: '1', by: 'ann', reason: 'booked by hand' });
    await world.clock.advance(500);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });

    expect(await ask(engine, ['1', '2'])).toMatchObject([
      { verdict: 'ask-people', reason: 'It was skipped by ann: booked by hand' },
      { verdict: 'confirm' },
    ]);
  });
});

describe('a branch that is listed without its nonce', () => {
  const untold = told('1', { nonce: undefined, inputHash: undefined });

  test.each(['saga', 'tcc'] as const)(
    'of kind %s is confirmed at a service with the library',
    async (kind) => {
      await world.offer('hotel', ['hold']);
      const { engine, transport } = await world.coordinator();

      await engine.decide(trip.gid, trip.commit([], { branches: [{ ...untold, kind }] }));
      await world.clock.advance(200);

      expect(transport.sent).toMatchObject([{ op: 'confirm', branchId: '1', nonce: undefined }]);
      expect(transport.sent[0]).not.toHaveProperty('input', null);
      expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });
    },
  );

  test('is confirmed as well when it was registered', async () => {
    await world.offer('hotel', ['hold']);
    const { engine, transport } = await world.coordinator();
    await engine.register(trip.gid, trip.registration([], { branches: [{ ...untold, kind: 'saga' }] }));
    const more = { ...untold, branchId: '2', kind: 'saga' } as const;
    await engine.register(trip.gid, trip.registration([], { branches: [more] }));

    await engine.decide(trip.gid, trip.commit([], { branches: [{ ...untold, kind: 'saga' }, more] }));
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['confirm 1', 'confirm 2']);
  });

  test.each([
    ['at a plain service', 'plain', untold],
    ['that is told an input, which a library would remember', 'library', { ...untold, input: { room: 7 } }],
  ] as const)('needs no confirm %s, where its action took effect at once', async (_, kind, branch) => {
    await world.offer('hotel', ['hold'], kind);
    const { engine, transport } = await world.coordinator();

    await engine.decide(trip.gid, trip.commit([], { branches: [{ ...branch, kind: 'saga' }] }));

    expect(transport.sent).toEqual([]);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });
  });

  test('is confirmed to whoever asks, whatever nonce it bears', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit([], { branches: [{ ...untold, kind: 'saga' }] }));

    expect(await ask(engine, ['1'])).toMatchObject([{ verdict: 'confirm' }]);
  });
});

async function ask(engine: Engine, branchIds: readonly string[]): Promise<readonly Verdict[]> {
  return engine.doubts(branchIds.map((branchId) => trip.doubt(branchId)));
}

/** A script of participants of which one has lost the effect that it is to confirm. */
function losing(branchId: string): Script {
  return (command) => (command.branchId === branchId ? LOST : happyScript(command));
}
