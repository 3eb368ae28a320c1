import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Doubt, Verdict } from '@atone/protocol';
import { EngineWorld, overriding, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS, told } from './testing/led.requests.js';
import type { TransactionLog } from './log.port.js';

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

describe('a question about what nobody has decided', () => {
  test('decides abort, and a commit that comes later loses', async () => {
    const { engine } = await world.coordinator();

    const verdicts = await engine.doubts([trip.doubt('1')]);

    expect(verdicts).toMatchObject([{ gid: trip.gid, branchId: '1', verdict: 'undo' }]);
    expect(await world.log.get(trip.gid)).toMatchObject({
      kind: 'led',
      state: 'aborted',
      version: 1,
      name: 'unknown',
      initiator: 'travel',
      services: ['hotel'],
    });
    const commit = engine.decide(trip.gid, trip.commit(['1']));
    await expect(commit).rejects.toMatchObject({ code: 'ALREADY_DECIDED', outcome: 'aborted' });
  });

  test('is answered after the abort is written, and not at all when it cannot be', async () => {
    const outage = Object.assign(new Error('connection lost'), { retryable: true });
    const log = overriding(world.log, { insertIfAbsent: async () => Promise.reject(outage) });
    const { engine } = await world.coordinator({ log });

    const asked = engine.doubts([trip.doubt('1')]);

    await expect(asked).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
  });

  test('is not answered when the log cannot be read', async () => {
    const log = overriding(world.log, { rows: async () => Promise.reject(new Error('connection lost')) });
    const { engine } = await world.coordinator({ log });

    await expect(engine.doubts([trip.doubt('1')])).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('by several of its branches writes one row', async () => {
    const { log, counts } = counting();
    const { engine } = await world.coordinator({ log });
    const other = new LedCase(world.clock, new SeededRandom(8));

    const verdicts = await engine.doubts([trip.doubt('1'), other.doubt('1'), trip.doubt('2')]);

    expect(verdictsOf(verdicts)).toEqual(['undo', 'undo', 'undo']);
    expect(counts).toEqual({ rows: 1, insertions: 1, inserted: 2 });
  });

  test('that names another secret than its initiator is left to people', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);
    await world.clock.advance(TIMEOUT_MS + 1);

    const verdicts = await engine.doubts([trip.doubt('1', { secretHash: 'e'.repeat(64) })]);

    expect(verdictsOf(verdicts)).toEqual(['ask-people']);
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('that names another life of the log than another participant is left to people', async () => {
    const { engine } = await world.coordinator();
    world.log.life = 2;
    await world.clock.advance(TIMEOUT_MS);
    await engine.doubts([trip.doubt('1')]);

    const verdicts = await engine.doubts([trip.doubt('9', { epoch: 2, secretHash: 'f'.repeat(64) })]);

    expect(verdicts).toMatchObject([
      { verdict: 'ask-people', reason: expect.stringContaining('another life of the log') },
    ]);
    expect(verdictsOf(await engine.doubts([trip.doubt('1')]))).toEqual(['ask-people']);
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('that names another life of the log than its initiator is left to people', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);
    world.log.life = 2;
    await world.clock.advance(TIMEOUT_MS + 1);

    const verdicts = await engine.doubts([trip.doubt('1', { epoch: 2 })]);

    expect(verdictsOf(verdicts)).toEqual(['ask-people']);
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('goes on for the others when the log will never take one of them', async () => {
    const other = new LedCase(world.clock, new SeededRandom(8));
    const refusal = Object.assign(new Error('no partition'), { retryable: false });
    const log = overriding(world.log, {
      insertIfAbsent: async (rows) =>
        rows.some(({ gid }) => gid === other.gid) ? Promise.reject(refusal) : world.log.insertIfAbsent(rows),
    });
    const { engine } = await world.coordinator({ log });

    const verdicts = await engine.doubts([other.doubt('1'), trip.doubt('1')]);

    expect(verdictsOf(verdicts)).toEqual(['wait', 'undo']);
  });
});

describe('a question that this log must not answer', () => {
  test('is about another log’s gid', async () => {
    const { engine } = await world.coordinator();
    const foreign = new LedCase(world.clock, new SeededRandom(8), 3);

    const [verdict] = await engine.doubts([foreign.doubt('1')]);

    expect(verdict).toMatchObject({ verdict: 'ask-people' });
    expect(verdict?.reason).toContain('belongs to log 3');
  });

  test('is about a gid older than its memory', async () => {
    const { engine } = await world.coordinator();
    const old = new LedCase({ now: () => world.clock.now() - 8 * 86_400_000 }, new SeededRandom(8));

    expect(verdictsOf(await engine.doubts([old.doubt('1')]))).toEqual(['ask-people']);
    expect(await world.log.get(old.gid)).toBeUndefined();
  });

  test.each<[string, number, Partial<Doubt>]>([
    ['a gid from the future', 600_000, {}],
    ['a life of the log that was not noticed here yet', 0, { epoch: 2 }],
  ])('is about %s: who asks waits, and is left to people after ten minutes', async (_, offsetMs, own) => {
    const { engine } = await world.coordinator();
    const ahead = new LedCase({ now: () => world.clock.now() + offsetMs }, new SeededRandom(8));

    const verdicts = await engine.doubts([
      ahead.doubt('1', { ...own, overdueMs: 599_999 }),
      ahead.doubt('2', { ...own, overdueMs: 600_000 }),
    ]);

    expect(verdictsOf(verdicts)).toEqual(['wait', 'ask-people']);
    expect(await world.log.get(ahead.gid)).toBeUndefined();
  });

  test('is about what began in another life of the log, and left no row', async () => {
    const { engine } = await world.coordinator();
    world.log.life = 2;
    await world.clock.advance(2_100);

    expect(verdictsOf(await engine.doubts([trip.doubt('1')]))).toEqual(['ask-people']);
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('is about what was registered in another life of the log, and may have been decided', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));
    world.log.life = 2;
    await world.clock.advance(TIMEOUT_MS + 2_100);

    const [verdict] = await engine.doubts([trip.doubt('1')]);

    expect(verdict).toMatchObject({ verdict: 'ask-people' });
    expect(verdict?.reason).toContain('began in life 1 of the log');
  });

  test('is about a saga that goes by a plan', async () => {
    await world.offer('shop', ['create']);
    const { engine } = await world.coordinator({ script: () => undefined });
    const submission = { name: 'order', steps: [{ name: 'create', service: 'shop', action: 'create' }] };
    const { gid } = await engine.submit({ submission });

    expect(verdictsOf(await engine.doubts([trip.doubt('create', { gid })]))).toEqual(['ask-people']);
  });
});

describe('a question about what was decided', () => {
  test('is answered by the list: who is on it confirms, all others undo', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1', '2'], { thrown: [told('3')] }));
    await world.clock.advance(200);

    const verdicts = await engine.doubts([
      trip.doubt('1'),
      trip.doubt('1', { nonce: 'another-run-of-it' }),
      trip.doubt('2'),
      trip.doubt('3'),
      trip.doubt('2~k7.1'),
    ]);

    expect(verdictsOf(verdicts)).toEqual(['confirm', 'undo', 'confirm', 'undo', 'undo']);
  });

  test('is answered with undo where the abort was presumed for a question with another secret', async () => {
    const { engine } = await world.coordinator();
    await engine.doubts([trip.doubt('1', { secretHash: 'e'.repeat(64) })]);

    expect(verdictsOf(await engine.doubts([trip.doubt('1')]))).toEqual(['undo']);
  });

  test('tells of a branch that no list holds that nobody else will bring it its end', async () => {
    const { engine } = await world.coordinator();
    const other = new LedCase(world.clock, new SeededRandom(8));
    await engine.decide(trip.gid, trip.commit(['1'], { thrown: [told('3')] }));
    await world.clock.advance(200);

    const verdicts = await engine.doubts([
      trip.doubt('3'),
      trip.doubt('1', { nonce: 'another-run-of-it' }),
      trip.doubt('2~k7.1'),
      other.doubt('1'),
    ]);

    expect(verdicts.map(({ isStraggler }) => isStraggler)).toEqual([undefined, true, true, true]);
  });

  test('is answered alike at every instance, and after the end', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);
    const other = await world.coordinator();

    expect(verdictsOf(await other.engine.doubts([trip.doubt('1'), trip.doubt('2')]))).toEqual([
      'confirm',
      'undo',
    ]);
  });

  test('is answered with undo after an abort', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.abort(['1'], { message: 'no seats' }));
    await world.clock.advance(200);

    expect(await engine.doubts([trip.doubt('1')])).toMatchObject([{ verdict: 'undo', reason: 'no seats' }]);
  });

  test('is left to people when it names another secret', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));

    const verdicts = await engine.doubts([trip.doubt('1', { secretHash: 'e'.repeat(64) })]);

    expect(verdictsOf(verdicts)).toEqual(['ask-people']);
  });

  test('has to wait where only a later version can read the row', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);
    const row = await world.log.get(trip.gid);
    expect(row).toBeDefined();
    if (row !== undefined) {
      world.log.plant({ ...row, format: 99 });
    }

    expect(verdictsOf(await engine.doubts([trip.doubt('1')]))).toEqual(['wait']);
    await expect(engine.decide(trip.gid, trip.commit(['1']))).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  test('has to wait where the row makes no sense', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);
    const row = await world.log.get(trip.gid);
    expect(row).toBeDefined();
    if (row !== undefined) {
      world.log.plant({ ...row, progress: null });
    }

    expect(verdictsOf(await engine.doubts([trip.doubt('1')]))).toEqual(['wait']);
  });

  test('has to wait while what was registered is undecided, until its deadline', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1'], { remainingMs: 20_000 }));
    await world.clock.advance(5_000);

    const early = await engine.doubts([trip.doubt('1')]);
    await world.clock.advance(20_000);
    const late = await engine.doubts([trip.doubt('1')]);

    expect(early).toMatchObject([{ verdict: 'wait', waitMs: 15_000 }]);
    expect(verdictsOf(late)).toEqual(['undo']);
  });
});

describe('a decision and a question that race', () => {
  test('have one winner when the commit is written between the look and the presumed abort', async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    const log = overriding(world.log, {
      rows: async (gids) => {
        const rows = await world.log.rows(gids);
        if (rows.length === 0) {
          await engine.decide(trip.gid, trip.commit(['1']));
        }
        return rows;
      },
    });
    const asked = await world.coordinator({ log });

    expect(verdictsOf(await asked.engine.doubts([trip.doubt('1'), trip.doubt('2')]))).toEqual([
      'wait',
      'undo',
    ]);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committing' });
  });

  test('have one winner when the presumed abort is written just before the commit', async () => {
    const asked = await world.coordinator();
    let verdicts: readonly Verdict[] = [];
    const log = overriding(world.log, {
      insertIfAbsent: async (rows) => {
        verdicts = await asked.engine.doubts([trip.doubt('1')]);
        return world.log.insertIfAbsent(rows);
      },
    });
    const { engine, transport } = await world.coordinator({ log });

    const decision = engine.decide(trip.gid, trip.commit(['1']));

    await expect(decision).rejects.toMatchObject({ code: 'ALREADY_DECIDED', outcome: 'aborted' });
    expect(verdictsOf(verdicts)).toEqual(['undo']);
    expect(transport.sent).toEqual([]);
  });

  test('at one instance, in one batch, have one winner', async () => {
    const { engine } = await world.coordinator();

    const [decision, asked] = await Promise.allSettled([
      engine.decide(trip.gid, trip.commit(['1'])),
      engine.doubts([trip.doubt('1')]),
    ]);

    const isCommitted = decision.status === 'fulfilled';
    expect(asked).toMatchObject({ value: [{ verdict: isCommitted ? 'wait' : 'undo' }] });
  });
});

describe('a look-up', () => {
  test('never decides', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);
    await world.clock.advance(TIMEOUT_MS + 1);

    await expect(engine.get(trip.gid)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await engine.endings([trip.gid])).toEqual([]);
    expect(engine.hearsay(trip.gid)).toBeDefined();
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });
});

describe('what is told of', () => {
  test('is only heard if this log decides it, and nobody has yet', async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    const foreign = new LedCase(world.clock, new SeededRandom(8), 3);
    const old = new LedCase({ now: () => world.clock.now() - 8 * 86_400_000 }, new SeededRandom(8));
    const decided = new LedCase(world.clock, new SeededRandom(9));
    await engine.decide(decided.gid, decided.commit(['1']));

    engine.notice([trip, foreign, old, decided].map((one) => one.notice()));

    expect(engine.hearsays().map(({ gid }) => gid)).toEqual([trip.gid]);
  });
});

describe('what is in doubt', () => {
  test('is shown beside what is heard, and beside a row', async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    engine.notice([trip.notice()]);
    await world.clock.advance(400);
    const askedAt = world.clock.now();

    await engine.doubts([trip.doubt('1', { overdueMs: 400, trouble: 'the table is locked' })]);
    const doubt = { branchId: '1', service: 'hotel', since: askedAt - 400, trouble: 'the table is locked' };
    expect(engine.hearsays()).toMatchObject([{ gid: trip.gid, doubts: [doubt] }]);
    await engine.decide(trip.gid, trip.commit(['1']));

    expect(engine.hearsay(trip.gid)?.doubts).toMatchObject([doubt]);
    expect(engine.hearsays()).toEqual([]);
  });

  test('is so no longer when the participant has confirmed', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);
    await engine.doubts([trip.doubt('1')]);

    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);

    expect(engine.hearsay(trip.gid)).toBeUndefined();
  });
});

function verdictsOf(verdicts: readonly Verdict[]): Verdict['verdict'][] {
  return verdicts.map(({ verdict }) => verdict);
}

function counting(): {
  log: TransactionLog;
  counts: { rows: number; insertions: number; inserted: number };
} {
  const counts = { rows: 0, insertions: 0, inserted: 0 };
  const log = overriding(world.log, {
    rows: async (gids) => {
      counts.rows += 1;
      return world.log.rows(gids);
    },
    insertIfAbsent: async (rows) => {
      counts.insertions += 1;
      counts.inserted += rows.length;
      return world.log.insertIfAbsent(rows);
    },
  });
  return { log, counts };
}
