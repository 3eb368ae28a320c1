import { beforeEach, describe, expect, test } from '@jest/globals';
import { gidTimeMs } from '@atone/core';
import type { Doubt } from '@atone/protocol';
import type { Engine } from './engine.js';
import { withHearsay } from './hearsay.view.js';
import type { ResolveAct } from './led.resolution.js';
import { EngineWorld, overriding, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';
import { viewOf } from './transaction.view.js';

const DAY_MS = 86_400_000;
const COMMIT = {
  to: 'commit',
  by: 'ann',
  reason: 'the hotel has charged it',
  branchIds: ['1'],
} satisfies ResolveAct;
const ABORT: ResolveAct = { to: 'abort', by: 'bob', reason: 'nobody has paid', branchIds: [] };

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

/** Returns a coordinator of a log that was restored after `trip` had begun, and what it was asked about since. */
async function restored(ids: readonly string[], more: Partial<Doubt> = {}) {
  const coordinator = await world.coordinator();
  await restore();
  await world.clock.advance(TIMEOUT_MS);
  await coordinator.engine.doubts(ids.map((id) => trip.doubt(id, more)));
  return coordinator;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

async function restore(): Promise<void> {
  world.log.life = 2;
  await world.clock.advance(2_100);
}

async function verdictsAbout(engine: Engine, ...ids: readonly string[]): Promise<readonly string[]> {
  const verdicts = await engine.doubts(ids.map((id) => trip.doubt(id)));
  return verdicts.map(({ verdict }) => verdict);
}

describe('what a restored log cannot judge', () => {
  test('is committed when a person says so, and that is brought to those in doubt at once', async () => {
    const { engine, transport } = await restored(['1', '2']);

    const snapshot = await engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2'] });
    await world.clock.advance(200);

    expect(viewOf(snapshot)).toMatchObject({ outcome: 'committed', initiator: 'travel' });
    expect(transport.sent.map(({ op, branchId, nonce }) => [op, branchId, nonce])).toEqual([
      ['confirm', '1', 'nonce-of-1'],
      ['confirm', '2', 'nonce-of-2'],
    ]);
    expect(transport.sent[0]?.led).toEqual({ secretHash: trip.secretHash, epoch: 1, initiator: 'travel' });
    const { state, history } = viewOf(await engine.get(trip.gid));
    expect(state).toBe('committed');
    expect(history[0]).toMatchObject({ what: 'operator-resolve', by: 'ann', message: COMMIT.reason });
  });

  test('is committed without what the person does not name, which is undone', async () => {
    const { engine, transport } = await restored(['1', '2', '3']);

    await engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '3'] });

    expect(transport.ops).toEqual(['confirm 1', 'confirm 3', 'compensate 2']);
  });

  test('is aborted when a person says so, and undone backwards', async () => {
    const { engine, transport } = await restored(['1', '2']);

    await engine.resolve(trip.gid, ABORT);
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['compensate 2', 'compensate 1']);
    expect(viewOf(await engine.get(trip.gid))).toMatchObject({
      state: 'aborted',
      abort: { code: 'operator', message: ABORT.reason },
    });
  });

  test('is judged by what the person has decided from then on', async () => {
    const { engine } = await restored(['1']);
    await engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(200);

    expect(await verdictsAbout(engine, '1', '2')).toEqual(['confirm', 'undo']);
    await expect(engine.decide(trip.gid, trip.commit(['1', '2']))).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      outcome: 'committed',
    });
    await expect(engine.decide(trip.gid, trip.abort(['1']))).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
    });
  });

  test('is resolved again in the same way without a change, by whoever asks, and otherwise by nobody', async () => {
    const { engine } = await restored(['1', '2']);
    const first = await engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(200);
    const { version } = await engine.get(trip.gid);
    const other = await world.coordinator();

    const again = await other.engine.resolve(trip.gid, { ...COMMIT, by: 'bob' });

    expect([first.isRepeat, again.isRepeat]).toEqual([false, true]);
    expect(viewOf(again)).toMatchObject({ outcome: 'committed', version });
    const otherwise = other.engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2'] });
    await expect(otherwise).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      message: expect.stringContaining(`ann has resolved it so ("${COMMIT.reason}")`),
    });
  });

  test('keeps its beginning, and the deadline that was told', async () => {
    const { engine } = await restored(['1'], { timeoutMs: TIMEOUT_MS });

    const { acceptedAt, deadlineAt } = viewOf(await engine.resolve(trip.gid, ABORT));
    await world.clock.advance(200);

    const began = gidTimeMs(trip.gid);
    const told = { acceptedAt: isoOf(began), deadlineAt: isoOf(began + TIMEOUT_MS) };
    expect({ acceptedAt, deadlineAt }).toEqual(told);
    expect(viewOf(await engine.get(trip.gid))).toMatchObject(told);
  });

  test('keeps in mind what only its initiator has told of, and brings nothing there', async () => {
    const { engine, transport } = await world.coordinator();
    const call = {
      branchId: '2',
      service: 'flight',
      action: 'hold',
      kind: 'tcc',
      state: 'returned',
    } as const;
    engine.notice([trip.notice({ branches: [call] })]);
    await restore();
    await world.clock.advance(TIMEOUT_MS);
    await engine.doubts([trip.doubt('1')]);

    await engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['confirm 1']);
    expect(viewOf(await engine.get(trip.gid)).history).toContainEqual(
      expect.objectContaining({
        what: 'not-reached',
        branchId: '2',
        message: expect.stringContaining('flight.hold'),
      }),
    );
  });

  test('shows what has asked elsewhere still as in doubt, and no longer as left to people', async () => {
    const { engine } = await restored(['1', '2']);
    const other = await world.coordinator();
    await other.engine.doubts([trip.doubt('1')]);
    await other.engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(200);

    const view = withHearsay(viewOf(await engine.get(trip.gid)), engine.hearsay(trip.gid));

    expect(view.branches).toMatchObject([
      { branchId: '1', state: 'confirmed' },
      { branchId: '2', isHearsay: true, doubt: { since: expect.any(String) } },
    ]);
    expect(view.branches[1]?.doubt?.isForPeople).toBeUndefined();
  });

  test('is no longer shown as left to people, where it was asked about and decided by another coordinator', async () => {
    const { engine } = await restored(['1']);
    const other = await world.coordinator();
    await other.engine.doubts([trip.doubt('1')]);
    await other.engine.resolve(trip.gid, COMMIT);
    await world.clock.advance(200);

    const view = withHearsay(viewOf(await engine.get(trip.gid)), engine.hearsay(trip.gid));

    expect(view).toMatchObject({ state: 'committed', branches: [{ branchId: '1', state: 'confirmed' }] });
    expect(view.branches[0]?.doubt).toBeUndefined();
  });

  test('is decided once when two operators decide at once', async () => {
    const { engine } = await restored(['1']);
    const other = await world.coordinator();
    await other.engine.doubts([trip.doubt('1')]);

    const [first, second] = await Promise.allSettled([
      engine.resolve(trip.gid, COMMIT),
      other.engine.resolve(trip.gid, ABORT),
    ]);

    expect([first.status, second.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    const loser = first.status === 'rejected' ? first : second;
    expect(loser).toMatchObject({ reason: { code: 'ALREADY_DECIDED' } });
  });

  test('is not decided by who has not noticed yet that the log was restored once more', async () => {
    const { engine } = await restored(['1']);
    world.log.life = 3;

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({ code: 'LOG_RESTORED' });
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('is resolved by whose answer from the log was lost', async () => {
    const lost = Object.assign(new Error('connection lost'), { retryable: true });
    const log = overriding(world.log, {
      insertIfAbsent: async (rows) => {
        await world.log.insertIfAbsent(rows);
        throw lost;
      },
    });
    const { engine } = await world.coordinator({ log });
    await restore();
    await world.clock.advance(TIMEOUT_MS);
    await engine.doubts([trip.doubt('1')]);

    expect(viewOf(await engine.resolve(trip.gid, COMMIT)).outcome).toBe('committed');
  });

  test('cannot be committed with branches that tell of different secrets, but with those of one, or aborted', async () => {
    const { engine, transport } = await restored(['1', '2']);
    await engine.doubts([trip.doubt('3', { secretHash: 'e'.repeat(64) })]);

    const all = engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2', '3'] });
    await expect(all).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
    await engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '2'] });

    expect(transport.ops).toEqual(['confirm 1', 'confirm 2', 'compensate 3']);
  });

  test('is aborted for all that ask later, whichever secret they tell', async () => {
    const { engine } = await restored(['1']);
    await engine.resolve(trip.gid, ABORT);
    await world.clock.advance(200);

    const verdicts = await engine.doubts([trip.doubt('2', { secretHash: 'e'.repeat(64) })]);

    expect(verdicts).toMatchObject([{ verdict: 'undo', isStraggler: true }]);
  });

  test('cannot be committed with a branch that nobody has asked about', async () => {
    const { engine } = await restored(['1']);

    const act = engine.resolve(trip.gid, { ...COMMIT, branchIds: ['1', '4'] });

    await expect(act).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining("branch '4'"),
    });
  });
});

describe('what an initiator has told otherwise than those in doubt', () => {
  const FORGED = 'e'.repeat(64);

  test('is decided once when its initiator commits while a person aborts', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice({ timeoutMs: 1_000 })]);
    await world.clock.advance(2_000);
    await engine.doubts([trip.doubt('1', { secretHash: FORGED })]);
    expect(engine.hearsay(trip.gid)?.doubts[0]?.referral?.stuck).toBe('undecidable');

    const both = await Promise.allSettled([
      engine.resolve(trip.gid, ABORT),
      engine.decide(trip.gid, trip.commit(['1'])),
    ]);

    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('what is older than the memory of the log', () => {
  let old: LedCase;

  beforeEach(() => {
    old = new LedCase({ now: () => world.clock.now() - 30 * DAY_MS }, new SeededRandom(8));
  });

  test('is decided when a person says so, and its initiator is refused as before', async () => {
    const { engine } = await world.coordinator();
    await engine.doubts([old.doubt('1')]);

    await engine.resolve(old.gid, ABORT);
    await world.clock.advance(200);

    expect(await engine.doubts([old.doubt('1')])).toMatchObject([{ verdict: 'undo' }]);
    await expect(engine.decide(old.gid, old.commit(['1']))).rejects.toMatchObject({
      code: 'TRANSACTION_TOO_OLD',
    });
  });

  test('is not when the log has no place for its day any more', async () => {
    const gone = Object.assign(new Error('no partition'), {
      retryable: false,
      code: 'LOG_DAY_OUT_OF_RANGE',
    });
    const log = overriding(world.log, { insertIfAbsent: async () => Promise.reject(gone) });
    const { engine } = await world.coordinator({ log });
    await engine.doubts([old.doubt('1')]);

    await expect(engine.resolve(old.gid, ABORT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining('no place'),
    });
  });
});

describe('people do not decide', () => {
  test('what is decided', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));

    await expect(engine.resolve(trip.gid, ABORT)).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      outcome: 'committed',
    });
  });

  test('what nobody has told this coordinator about', async () => {
    await restored(['1']);
    const { engine } = await world.coordinator();

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      gid: trip.gid,
      message: expect.stringContaining('asks one of the coordinators again'),
    });
  });

  test('what its initiator alone has told this coordinator about', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);
    await restore();
    await world.clock.advance(TIMEOUT_MS);

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining('No participant has asked'),
    });
  });

  test('what is decided by itself, before its deadline and after it', async () => {
    const { engine } = await world.coordinator();
    engine.notice([trip.notice()]);

    const deadline = isoOf(gidTimeMs(trip.gid) + TIMEOUT_MS);
    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringMatching(new RegExp(`at ${deadline}\\. Nobody need resolve it`, 'u')),
    });
    await world.clock.advance(TIMEOUT_MS);
    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      message: expect.stringContaining('needs nobody to resolve it'),
    });
  });

  test('what its own life of the log has registered', async () => {
    const { engine } = await world.coordinator();
    await engine.register(trip.gid, trip.registration(['1']));

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
  });

  test('before the deadline that was told', async () => {
    const { engine } = await world.coordinator();
    await restore();
    await engine.doubts([trip.doubt('1', { timeoutMs: TIMEOUT_MS })]);

    await expect(engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining('not over'),
    });
  });

  test('what the log decides when somebody of those in doubt asks again', async () => {
    const { engine } = await restored(['1']);
    const failing = overriding(world.log, { insertIfAbsent: async () => Promise.reject(new Error('away')) });
    const other = await world.coordinator({ log: failing });
    await expect(other.engine.doubts([trip.doubt('1', { epoch: 2 })])).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
    });

    await expect(other.engine.resolve(trip.gid, COMMIT)).rejects.toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      message: expect.stringContaining('the log decides'),
    });
    expect(engine.hearsay(trip.gid)?.doubts).toHaveLength(1);
  });

  test('what another log decides, or a plan', async () => {
    await world.offer('shop', ['create']);
    const { engine } = await world.coordinator({ script: () => undefined });
    const foreign = new LedCase(world.clock, new SeededRandom(8), 3);
    const submission = { name: 'order', steps: [{ name: 'create', service: 'shop', action: 'create' }] };
    const { gid } = await engine.submit({ submission });
    await engine.doubts([foreign.doubt('1')]);

    await expect(engine.resolve(foreign.gid, ABORT)).rejects.toMatchObject({ code: 'NOT_MY_TRANSACTION' });
    await expect(engine.resolve(gid, ABORT)).rejects.toMatchObject({ code: 'ACT_NOT_POSSIBLE' });
  });
});
