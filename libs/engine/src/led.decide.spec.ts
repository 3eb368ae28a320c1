import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import type { TransactionLog } from './log.port.js';
import { EngineWorld, happyScript, overriding, SeededRandom, type Script } from './testing/index.js';
import { LedCase, told } from './testing/led.requests.js';
import { viewOf } from './transaction.view.js';

let world: EngineWorld;
let trip: LedCase;

beforeEach(() => {
  world = new EngineWorld();
  trip = new LedCase(world.clock, new SeededRandom(7));
});

describe('a decision to commit', () => {
  test('is one row inserted before it is answered, confirms all on the list and ends by one update', async () => {
    const { engine, transport } = await world.coordinator();

    const { snapshot, isRepeat } = await engine.decide(trip.gid, trip.commit(['1', '2']));

    expect(isRepeat).toBe(false);
    expect(snapshot.saga.state).toBe('committing');
    expect(await world.log.get(trip.gid)).toMatchObject({ kind: 'led', state: 'committing', version: 1 });
    await world.clock.advance(200);
    expect(transport.ops).toEqual(['confirm 1', 'confirm 2']);
    expect(await world.log.get(trip.gid)).toMatchObject({
      state: 'committed',
      version: 2,
      name: 'book-trip',
      initiator: 'travel',
      services: ['hotel'],
      owner: undefined,
    });
  });

  test('tells each participant which effect it is, and of which transaction', async () => {
    const { engine, transport } = await world.coordinator();

    await engine.decide(trip.gid, trip.commit(['1']), { traceparent: '00-aa-bb-01' });

    expect(transport.sent[0]).toMatchObject({
      op: 'confirm',
      nonce: 'nonce-of-1',
      led: { secretHash: trip.secretHash, epoch: 1, initiator: 'travel' },
      traceparent: '00-aa-bb-01',
    });
    expect(transport.sent[0]?.remainingMs).toBeUndefined();
    expect(transport.sent[0]?.input).toBeUndefined();
  });

  test('undoes what threw, although the rest commits', async () => {
    const { engine, transport } = await world.coordinator();

    await engine.decide(trip.gid, trip.commit(['1'], { thrown: [told('2')] }));
    await world.clock.advance(200);

    expect(transport.ops.toSorted()).toEqual(['compensate 2', 'confirm 1']);
    expect(viewOf(await engine.get(trip.gid))).toMatchObject({
      kind: 'led',
      outcome: 'committed',
      branches: [
        { branchId: '1', kind: 'tcc', state: 'confirmed' },
        { branchId: '2', kind: 'tcc', state: 'compensated' },
      ],
    });
  });

  test('without branches is one row that has ended', async () => {
    const { engine, transport } = await world.coordinator();

    const { snapshot } = await engine.decide(trip.gid, trip.commit([]));

    expect(snapshot.saga.state).toBe('committed');
    expect(snapshot.owner).toBeUndefined();
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed', version: 1, owner: undefined });
    expect(transport.sent).toEqual([]);
    expect(engine.activeCount).toBe(0);
  });

  test('whose only branch has neither barrier nor confirm has ended with its row', async () => {
    const { engine } = await world.coordinator();
    const plain = told('1', { kind: 'saga', nonce: undefined, input: { sku: 7 } });

    await engine.decide(trip.gid, trip.commit([], { branches: [plain] }));

    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed', version: 1 });
  });

  test('does not write the list again at its end', async () => {
    const { engine } = await world.coordinator();

    await engine.decide(trip.gid, trip.commit(['1', '2']));
    await world.clock.advance(200);

    expect(await world.log.get(trip.gid)).toHaveProperty('progress.branches');
    expect(await world.log.get(trip.gid)).not.toHaveProperty('progress.steps');
  });

  test('is gone on with by another instance when the one that took it dies', async () => {
    const dead = await world.coordinator({ script: () => undefined });
    await dead.engine.decide(trip.gid, trip.commit(['1'], { thrown: [told('2')] }));
    await dead.engine.stop();

    const { engine, transport } = await world.coordinator();
    await world.clock.advance(500);

    expect(transport.ops.toSorted()).toEqual(['compensate 2', 'confirm 1']);
    expect(transport.sent[0]).toMatchObject({ led: { initiator: 'travel' } });
    expect((await engine.get(trip.gid)).saga.state).toBe('committed');
  });
});

describe('a decision to abort', () => {
  test('undoes in the reverse order of the list', async () => {
    const { engine, transport } = await world.coordinator();

    await engine.decide(trip.gid, trip.abort(['1', '2', '3'], { message: 'no seats' }));
    await world.clock.advance(200);

    expect(transport.ops).toEqual(['compensate 3', 'compensate 2', 'compensate 1']);
    expect(transport.sent[0]).toMatchObject({ reason: 'no seats', nonce: 'nonce-of-3' });
    expect((await engine.get(trip.gid)).saga).toMatchObject({
      state: 'aborted',
      abort: { code: 'initiator', message: 'no seats' },
    });
  });

  test('counts on no list: what it says was registered may be missing', async () => {
    const { engine } = await world.coordinator();

    await engine.decide(trip.gid, trip.abort([], { registered: [{ prefix: '2~k7.', count: 3 }] }));

    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'aborted' });
  });
});

describe('a decision that is repeated', () => {
  test('is confirmed for an equal list, in whatever order it stands', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1', '2']));

    const during = await engine.decide(trip.gid, trip.commit(['2', '1']));
    await world.clock.advance(200);
    const afterwards = await engine.decide(trip.gid, trip.commit(['1', '2']));

    expect([during.isRepeat, afterwards.isRepeat]).toEqual([true, true]);
    expect(afterwards.snapshot.saga.state).toBe('committed');
    expect(await world.log.get(trip.gid)).toMatchObject({ version: 2 });
  });

  test.each([
    ['shorter', ['1']],
    ['longer', ['1', '2', '3']],
    ['other', ['1', '3']],
  ])('is refused for a list that is %s', async (_, ids) => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1', '2']));
    await world.clock.advance(200);

    const repeat = engine.decide(trip.gid, trip.commit(ids));

    await expect(repeat).rejects.toMatchObject({ code: 'ALREADY_DECIDED', outcome: 'committed' });
  });

  test('the other way round is refused, and tells what was decided', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));

    const turned = engine.decide(trip.gid, trip.abort(['1']));

    await expect(turned).rejects.toMatchObject({ code: 'ALREADY_DECIDED', outcome: 'committed' });
  });

  test('is answered by an instance that does not drive it, without taking it over', async () => {
    const { engine } = await world.coordinator({ script: () => undefined });
    await engine.decide(trip.gid, trip.commit(['1']));
    const other = await world.coordinator();

    const { snapshot, isRepeat } = await other.engine.decide(trip.gid, trip.commit(['1']));

    expect(isRepeat).toBe(true);
    expect(snapshot).toMatchObject({ owner: engine.instanceId, version: 1, saga: { state: 'committing' } });
  });

  test('at the same time is one decision, and both are told of it', async () => {
    const { engine } = await world.coordinator();
    const other = await world.coordinator();

    const answers = await Promise.all([
      engine.decide(trip.gid, trip.commit(['1'])),
      engine.decide(trip.gid, trip.commit(['1'])),
      other.engine.decide(trip.gid, trip.commit(['1'])),
    ]);

    expect(answers.filter(({ isRepeat }) => !isRepeat)).toHaveLength(1);
  });
});

describe('who does not know the secret', () => {
  const WRONG = 'f'.repeat(64);

  test('cannot decide what was decided, not even in the same way', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));

    const here = engine.decide(trip.gid, trip.commit(['1'], { secret: WRONG }));
    await expect(here).rejects.toMatchObject({ code: 'WRONG_SECRET' });
    await world.clock.advance(200);

    const afterwards = engine.decide(trip.gid, trip.abort([], { secret: WRONG }));
    await expect(afterwards).rejects.toMatchObject({ code: 'WRONG_SECRET' });
  });

  test('cannot decide a saga that goes by a plan', async () => {
    await world.offer('shop', ['create']);
    const { engine } = await world.coordinator({ script: () => undefined });
    const submission = { name: 'order', steps: [{ name: 'create', service: 'shop', action: 'create' }] };
    const { gid } = await engine.submit({ submission });

    await expect(engine.decide(gid, trip.abort([]))).rejects.toMatchObject({ code: 'WRONG_SECRET' });
  });
});

describe('a gid of which this log may write nothing new', () => {
  test('is that of another log', async () => {
    const { engine } = await world.coordinator();
    const foreign = new LedCase(world.clock, new SeededRandom(8), 3);

    const decision = engine.decide(foreign.gid, foreign.commit(['1']));

    await expect(decision).rejects.toMatchObject({ code: 'NOT_MY_TRANSACTION', logNumber: 0 });
  });

  test.each([
    ['older than its memory', -8 * 86_400_000],
    ['from the future', 600_000],
  ])('is one %s', async (_, offsetMs) => {
    const { engine } = await world.coordinator();
    const odd = new LedCase({ now: () => world.clock.now() + offsetMs }, new SeededRandom(8));

    const decision = engine.decide(odd.gid, odd.commit(['1']));

    await expect(decision).rejects.toMatchObject({ code: 'TRANSACTION_TOO_OLD', retryable: false });
    expect(await world.log.get(odd.gid)).toBeUndefined();
  });

  test('is one that began in another life of the log', async () => {
    const { engine } = await world.coordinator();
    world.log.life = 2;
    await world.clock.advance(2_100);

    const decision = engine.decide(trip.gid, trip.commit(['1']));

    await expect(decision).rejects.toMatchObject({ code: 'LOG_RESTORED', began: 1, present: 2 });
    expect(engine.logLife()).toEqual({ logNumber: 0, epoch: 2 });
    expect(await world.log.get(trip.gid)).toBeUndefined();
  });

  test('is none that was decided in the former life, and is there still', async () => {
    const { engine } = await world.coordinator();
    await engine.decide(trip.gid, trip.commit(['1']));
    world.log.life = 2;
    await world.clock.advance(2_100);

    expect(await engine.decide(trip.gid, trip.commit(['1']))).toMatchObject({ isRepeat: true });
  });

  test('may not be decided twice by a log that forgets too soon', async () => {
    const forgetful = world.coordinator({ options: { memoryMs: 3_600_000 } });

    await expect(forgetful).rejects.toThrow(RangeError);
  });
});

describe('a log that does not answer to a decision', () => {
  const outage = Object.assign(new Error('connection lost'), { retryable: true });

  /** The log as it is reached while its answers to insertions are lost, carried out or not. */
  function losing(how: { isCarriedOut: boolean; isReadable: boolean }): TransactionLog {
    return overriding(world.log, {
      insertIfAbsent: async (rows) => {
        if (how.isCarriedOut) {
          await world.log.insertIfAbsent(rows);
        }
        throw outage;
      },
      get: async (gid) => {
        if (how.isReadable) {
          return world.log.get(gid);
        }
        throw outage;
      },
    });
  }

  test('has taken it all the same when the row is found, and it is taken over within a second', async () => {
    const log = losing({ isCarriedOut: true, isReadable: true });
    const { engine, transport } = await world.coordinator({ log });

    const { snapshot, isRepeat } = await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(1_200);

    expect([snapshot.saga.state, isRepeat]).toEqual(['committing', false]);
    expect(transport.ops).toEqual(['confirm 1']);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });
  });

  test.each([
    ['no row is found', { isCarriedOut: false, isReadable: true }],
    ['it cannot be read either', { isCarriedOut: true, isReadable: false }],
  ])('leaves the outcome open when %s', async (_, how) => {
    const { engine } = await world.coordinator({ log: losing(how) });

    const decision = engine.decide(trip.gid, trip.commit(['1']));

    await expect(decision).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
  });

  test('has a row that was written unheard driven in the end, though nobody asks again', async () => {
    const how = { isCarriedOut: true, isReadable: false };
    const { engine, transport } = await world.coordinator({ log: losing(how) });
    await expect(engine.decide(trip.gid, trip.commit(['1']))).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
    });

    how.isReadable = true;
    await world.clock.advance(30_000);

    expect(transport.ops).toEqual(['confirm 1']);
    expect(await world.log.get(trip.gid)).toMatchObject({ state: 'committed' });
  });
});

describe('a confirm', () => {
  test('of a branch that is lost gets stuck, and an operator may pass it over', async () => {
    const lost: BranchReply = { outcome: 'lost', message: 'There is no row.' };
    const { engine } = await world.coordinator({ script: answering('confirm', lost) });
    await engine.decide(trip.gid, trip.commit(['1']));
    await world.clock.advance(200);
    expect(viewOf(await engine.get(trip.gid))).toMatchObject({
      state: 'committing',
      stuck: { reason: 'branch-lost', branchId: '1', waysOut: ['retry', 'skip'] },
      branches: [{ state: 'confirming' }],
    });

    await engine.act(trip.gid, { type: 'skip', branchId: '1', by: 'ann', reason: 'booked by hand' });
    await world.clock.advance(500);

    expect((await engine.get(trip.gid)).saga.state).toBe('committed');
  });

  test('that is refused gets stuck with both lists, and is asked again in a new round', async () => {
    let refuses = true;
    const { engine, transport } = await world.coordinator({
      script: (command) =>
        refuses && command.branchId === '2'
          ? { outcome: 'refused', refusal: { reason: 'hold has expired', isStored: true } }
          : happyScript(command),
    });
    await engine.decide(trip.gid, trip.commit(['1', '2', '3']));
    await world.clock.advance(200);
    const { stuck } = viewOf(await engine.get(trip.gid));
    expect(stuck).toMatchObject({ reason: 'mixed', branchId: '2' });
    expect(stuck?.message).toMatch(/hold has expired.*Confirmed[^:]*: 1; not[^:]*: 2/u);

    refuses = false;
    await engine.act(trip.gid, { type: 'retry', by: 'ann', reason: 'the hotel has agreed' });
    await world.clock.advance(500);

    expect(transport.sent.at(-1)).toMatchObject({ op: 'confirm', branchId: '2', round: 2 });
    expect((await engine.get(trip.gid)).saga.state).toBe('committed');
  });
});

function answering(op: BranchCommand['op'], reply: BranchReply): Script {
  return (command) => (command.op === op ? reply : happyScript(command));
}
