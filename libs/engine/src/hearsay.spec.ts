import { beforeEach, describe, expect, test } from '@jest/globals';
import { Hearsay } from './hearsay.js';
import { ManualClock, SeededRandom } from './testing/index.js';
import { LedCase, TIMEOUT_MS } from './testing/led.requests.js';

const MINUTE_MS = 60_000;

let clock: ManualClock;
let random: SeededRandom;
let hearsay: Hearsay;
let trip: LedCase;

beforeEach(() => {
  clock = new ManualClock();
  random = new SeededRandom(7);
  hearsay = new Hearsay(clock);
  trip = new LedCase(clock, random);
});

test('what is told of a transaction first counts', () => {
  hearsay.note(trip.notice());

  hearsay.note(trip.notice({ secretHash: 'e'.repeat(64), timeoutMs: 1 }));

  expect(hearsay.heardOf(trip.gid)).toMatchObject({
    notice: { secretHash: trip.secretHash },
    begunAt: clock.now(),
    deadlineAt: clock.now() + TIMEOUT_MS,
  });
});

test('a clock that is ahead does not put the deadline off', () => {
  const ahead = new LedCase({ now: () => clock.now() + 200_000 }, random);

  hearsay.note(ahead.notice());

  expect(hearsay.heardOf(ahead.gid)?.deadlineAt).toBe(clock.now() + TIMEOUT_MS);
});

test('a transaction is forgotten some minutes after its deadline', async () => {
  hearsay.note(trip.notice());

  await clock.advance(TIMEOUT_MS + 4 * MINUTE_MS);
  expect(hearsay.get(trip.gid)).toBeDefined();
  await clock.advance(2 * MINUTE_MS);

  expect(hearsay.get(trip.gid)).toBeUndefined();
  expect(hearsay.list()).toEqual([]);
});

test('a notice that comes after the row tells nothing new', () => {
  hearsay.settle(trip.gid);

  hearsay.note(trip.notice());

  expect(hearsay.get(trip.gid)).toBeUndefined();
});

test('the newest comes first', async () => {
  hearsay.note(trip.notice());
  await clock.advance(1_000);
  const later = new LedCase(clock, random);
  hearsay.note(later.notice());

  expect(hearsay.list().map(({ gid }) => gid)).toEqual([later.gid, trip.gid]);
});

test('a doubt that is not asked again is forgotten after some minutes, and one that is stays', async () => {
  hearsay.doubt(trip.doubt('1'));
  hearsay.doubt(trip.doubt('2'));
  await clock.advance(4 * MINUTE_MS);
  hearsay.doubt(trip.doubt('2', { trouble: 'the table is locked' }));

  await clock.advance(2 * MINUTE_MS);

  expect(hearsay.get(trip.gid)?.doubts).toMatchObject([{ branchId: '2', trouble: 'the table is locked' }]);
});

test('a doubt that is left to people, and so asked again seldom, is remembered for an hour', async () => {
  const referral = { stuck: 'log-restored', message: 'the log was restored' } as const;
  hearsay.doubt(trip.doubt('1'));
  hearsay.refer(trip.doubt('1'), referral);
  await clock.advance(59 * MINUTE_MS);
  expect(hearsay.get(trip.gid)?.doubts).toMatchObject([{ branchId: '1', referral }]);

  await clock.advance(2 * MINUTE_MS);

  expect(hearsay.get(trip.gid)).toBeUndefined();
});

test('a transaction whose row is lost is listed again when its branches are left to people', () => {
  hearsay.settle(trip.gid);
  hearsay.doubt(trip.doubt('1'));
  expect(hearsay.list()).toEqual([]);

  hearsay.refer(trip.doubt('1'), { stuck: 'log-restored', message: 'the log was restored' });

  expect(hearsay.list().map(({ gid }) => gid)).toEqual([trip.gid]);
});

test('a doubt that is no longer left to people says so', () => {
  hearsay.doubt(trip.doubt('1'));
  hearsay.refer(trip.doubt('1'), { message: 'the log was restored' });

  hearsay.refer(trip.doubt('1'), undefined);

  expect(hearsay.get(trip.gid)?.doubts[0]?.referral).toBeUndefined();
});

test('of what only a participant has asked about its initiator and its deadline are known', () => {
  hearsay.doubt(trip.doubt('1', { overdueMs: 0 }));

  expect(hearsay.list()).toMatchObject([
    { gid: trip.gid, notice: { name: 'unknown', initiator: 'travel' }, deadlineAt: clock.now() },
  ]);
  expect(hearsay.heardOf(trip.gid)).toBeUndefined();
});

test('nobody is in doubt for longer than his transaction is old, whatever his clock says', async () => {
  await clock.advance(MINUTE_MS);

  hearsay.doubt(trip.doubt('1', { overdueMs: 1e13 }));

  expect(hearsay.get(trip.gid)?.doubts).toMatchObject([{ since: clock.now() - MINUTE_MS }]);
});

test('what keeps a participant from its end is kept in short', () => {
  hearsay.doubt(trip.doubt('1', { trouble: 'x'.repeat(1_000) }));

  expect(hearsay.get(trip.gid)?.doubts[0]?.trouble).toHaveLength(200);
});

test('two effects that ask under one id are one branch with a rival', () => {
  hearsay.doubt(trip.doubt('1'));
  hearsay.doubt(trip.doubt('2'));

  hearsay.doubt(trip.doubt('1', { service: 'car', nonce: 'another-nonce' }));

  expect(hearsay.get(trip.gid)?.doubts).toMatchObject([
    { branchId: '1', service: 'hotel', rivals: [{ service: 'car', nonce: 'another-nonce' }] },
    { branchId: '2' },
  ]);
});

test('of more than it may keep the oldest is forgotten, whatever is told of them', () => {
  const small = new Hearsay(clock, 3);
  const cases = Array.from({ length: 4 }, () => new LedCase(clock, random));

  for (const one of cases) {
    small.note(one.notice());
    small.doubt(one.doubt('1'));
  }

  expect(small.list()).toHaveLength(3);
  expect(small.get(cases[0]?.gid ?? '')).toBeUndefined();
});

describe('of its calls', () => {
  const FLIGHT = { branchId: '1', service: 'flight', action: 'hold', kind: 'tcc' } as const;
  const HOTEL = { branchId: '2', service: 'hotel', action: 'hold', kind: 'tcc' } as const;

  test('what is told last counts, and of the transaction itself what is told first', () => {
    hearsay.note(trip.notice({ branches: [{ ...FLIGHT, state: 'in-flight' }] }));

    hearsay.note(
      trip.notice({
        name: 'other',
        timeoutMs: 1,
        branches: [
          { ...FLIGHT, state: 'returned' },
          { ...HOTEL, state: 'in-flight' },
        ],
        branchCount: 7,
        calls: [{ callId: '3', label: 'POST http://mail/letters' }],
      }),
    );

    expect(hearsay.get(trip.gid)).toMatchObject({
      notice: { name: 'book-trip' },
      deadlineAt: clock.now() + TIMEOUT_MS,
      calls: {
        branches: [
          { branchId: '1', state: 'returned' },
          { branchId: '2', state: 'in-flight' },
        ],
        branchCount: 7,
        calls: [{ callId: '3' }],
      },
    });
  });

  test('nothing counts that somebody tells under another secret', () => {
    hearsay.note(trip.notice({ branches: [{ ...FLIGHT, state: 'returned' }] }));

    hearsay.note(trip.notice({ secretHash: 'e'.repeat(64), branches: [] }));
    hearsay.note(trip.notice({ secretHash: 'e'.repeat(64), isOver: true }));

    expect(hearsay.get(trip.gid)?.calls.branches).toHaveLength(1);
  });

  test('more is heard while there is only an undecided row, and nothing once it is decided', () => {
    hearsay.register(trip.gid);
    hearsay.note(trip.notice({ branches: [{ ...FLIGHT, state: 'in-flight' }] }));

    expect(hearsay.get(trip.gid)?.calls.branches).toHaveLength(1);
    expect(hearsay.list()).toEqual([]);
    hearsay.settle(trip.gid);
    hearsay.register(trip.gid);
    hearsay.note(trip.notice({ branches: [{ ...FLIGHT, state: 'returned' }] }));

    expect(hearsay.get(trip.gid)).toBeUndefined();
  });
});

describe('a transaction that is over before anything was decided', () => {
  beforeEach(() => {
    hearsay.note(trip.notice());
    hearsay.note(trip.notice({ isOver: true }));
  });

  test('is shown no more, and its deadline still counts', () => {
    expect(hearsay.get(trip.gid)).toBeUndefined();
    expect(hearsay.list()).toEqual([]);
    expect(hearsay.heardOf(trip.gid)).toMatchObject({ deadlineAt: clock.now() + TIMEOUT_MS });
  });

  test('stays so, whatever comes late', () => {
    hearsay.note(trip.notice());

    expect(hearsay.list()).toEqual([]);
  });

  test('is shown with the branch of a participant that asks all the same', () => {
    hearsay.doubt(trip.doubt('1'));

    expect(hearsay.list()).toMatchObject([
      { gid: trip.gid, notice: { name: 'book-trip' }, doubts: [{ branchId: '1' }] },
    ]);
  });
});
