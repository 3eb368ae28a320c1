import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeInsertIfAbsent, describeReadMany } from './log-insert.conformance.js';
import { describeClaim, describeClaimDue, describeNotDue, describeRivals } from './log-claim.conformance.js';
import { describeLogCommands } from './log.commands.js';
import {
  describeCounts,
  describeFacts,
  describeLeases,
  describeList,
  describePaging,
} from './log-search.conformance.js';
import { ALICE, Desk, ended, keyed, running } from './log.desk.js';
import type { LogWorld } from './log.desk.js';

export type { LogWorld } from './log.desk.js';

/** For a log that lives in memory; a database takes its time. */
const RUN_COUNT = 300;

/** Describes what every log promises; `makeLog` is called for each test, and for each of `runCount` random runs. */
export function describeLogConformance(
  name: string,
  makeLog: () => Promise<LogWorld>,
  { runCount = RUN_COUNT }: { readonly runCount?: number } = {},
): void {
  describe(`${name} is a transaction log`, () => {
    describeLogCommands(makeLog, runCount);
    describeLogExamples(makeLog);
  });
}

function describeLogExamples(makeLog: () => Promise<LogWorld>): void {
  describe('example by example', () => {
    let desk: Desk;

    beforeEach(async () => {
      desk = new Desk(await makeLog());
      await desk.readClock();
    });

    afterEach(async () => {
      await desk.world.end();
    });

    const open = (): Desk => desk;
    describe('that accepts', () => {
      describeAccept(open);
      describeKeys(open);
    });
    describe('that compares and sets', () => {
      describeUpdate(open);
      describeEnd(open);
    });
    describe('that inserts what it does not hold', () => {
      describeInsertIfAbsent(open);
      describeReadMany(open);
    });
    describe('whose rows are taken over', () => {
      describeClaimDue(open);
      describeNotDue(open);
      describeRivals(open);
      describeClaim(open);
    });
    describe('that can be searched', () => {
      describeList(open);
      describePaging(open);
      describeCounts(open);
      describeLeases(open);
      describeFacts(open);
    });
  });
}

function describeAccept(open: () => Desk): void {
  test('an accepted row is there, at version 1, with all that it was given', async () => {
    const { log, newRow, now } = open();
    const tags = { order: '4=2', note: String.raw`{"a", \b\} 'ü'` };
    const document = { text: 'nul \u0000, quote ", backslash \\, 日本', list: [1, null, { deep: true }] };
    const row = newRow({ tags, initiator: 'shop', lane: 'green', deadlineInMs: 30_000, plan: document });

    const [answer] = await log.accept([row]);

    const stored = await log.get(row.gid);
    const { gid, kind, name, initiator, lane, services, owner, plan } = row;
    const acceptedAt = stored?.acceptedAt ?? 0;
    expect(answer).toEqual({ outcome: 'accepted', acceptedAt, epoch: open().epoch });
    expect(Math.abs(acceptedAt - now)).toBeLessThan(60_000);
    expect(stored).toMatchObject({
      gid,
      kind,
      name,
      initiator,
      lane,
      tags,
      services,
      owner,
      plan,
      format: 1,
    });
    expect(stored).toMatchObject({ version: 1, state: 'running', isPaused: false, progress: { step: 0 } });
    expect(stored).toMatchObject({ deadlineAt: acceptedAt + 30_000, updatedAt: acceptedAt });
    expect(stored?.finishedAt).toBeUndefined();
  });

  test('what a row was not given it does not have', async () => {
    const { log, newRow } = open();
    const row = newRow({ tags: {}, services: [] });

    await log.accept([row]);

    const stored = await log.get(row.gid);
    expect(stored).toMatchObject({ tags: {}, services: [] });
    expect([
      stored?.initiator,
      stored?.lane,
      stored?.deadlineAt,
      stored?.stuckReason,
      stored?.stuckAt,
    ]).toEqual(Array.from({ length: 5 }, () => undefined));
  });

  test('an empty batch is answered with nothing', async () => {
    const { log } = open();

    expect([await log.accept([]), await log.update([])]).toEqual([[], []]);
  });

  test('a gid that the log does not have is not there', async () => {
    const { log, newRow } = open();

    expect(await log.get(newRow().gid)).toBeUndefined();
  });
}

function describeKeys(open: () => Desk): void {
  test('of two rows with one key in a batch the first is accepted, and the second told of it', async () => {
    const { log, newRow } = open();
    const [first, other, second] = [newRow(keyed('k', 'one')), newRow(), newRow(keyed('k', 'two'))];

    const answers = await log.accept([first, other, second]);

    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'key-taken']);
    expect(answers[2]).toEqual({ outcome: 'key-taken', gid: first.gid, bodyHash: 'one' });
    expect(await log.get(second.gid)).toBeUndefined();
  });

  test('a key that an earlier batch used is taken, while the rows beside it are accepted', async () => {
    const { log, newRow } = open();
    const [first, second, other] = [newRow(keyed('k', 'one')), newRow(keyed('k', 'two')), newRow(keyed('l'))];
    await log.accept([first]);

    const answers = await log.accept([second, other]);

    expect(answers[0]).toEqual({ outcome: 'key-taken', gid: first.gid, bodyHash: 'one' });
    expect(await log.findKey('k')).toEqual({ gid: first.gid, bodyHash: 'one' });
    expect(await log.findKey('never-used')).toBeUndefined();
    expect(answers[1]?.outcome).toBe('accepted');
    expect([await log.get(second.gid), (await log.get(other.gid))?.gid]).toEqual([undefined, other.gid]);
  });

  test('of rows with one key in batches at the same time exactly one is accepted, and all are told which', async () => {
    const { log, newRow } = open();
    const batches = Array.from({ length: 8 }, () => [
      newRow(keyed('b')),
      newRow(keyed('a')),
      newRow(keyed('c')),
    ]);

    const answers = await Promise.all(batches.map(async (batch) => log.accept(batch)));

    for (const position of [0, 1, 2]) {
      const rows = batches.flatMap((batch) => batch[position] ?? []);
      const told = answers.map((answer) => answer[position]);
      const winner = rows[told.findIndex((answer) => answer?.outcome === 'accepted')];
      const others = told.filter((answer) => answer?.outcome === 'key-taken');
      expect(others.map((answer) => answer?.outcome === 'key-taken' && answer.gid)).toEqual(
        Array.from({ length: 7 }, () => winner?.gid),
      );
    }
    expect(await log.list({ limit: 100 })).toHaveLength(3);
  });
}

function describeUpdate(open: () => Desk): void {
  test('an update that names the version of the row changes it and raises the version', async () => {
    const { log, accepted } = open();
    const row = await accepted();
    const stuck = { isPaused: true, stuckReason: 'refused', stuckAt: 1_700_000_000_123 };

    const answers = await log.update([{ ...row, progress: running({ ...stuck, document: { step: 7 } }) }]);

    expect(answers).toEqual([true]);
    expect(await log.get(row.gid)).toMatchObject({
      version: 2,
      owner: ALICE,
      progress: { step: 7 },
      ...stuck,
    });
  });

  test('an update that names another version changes nothing', async () => {
    const { log, accepted } = open();
    const row = await accepted();
    await log.update([row]);
    const before = await log.get(row.gid);

    const answers = await log.update([{ ...row, progress: running({ state: 'aborting' }) }]);

    expect(answers).toEqual([false]);
    expect(await log.get(row.gid)).toEqual(before);
  });

  test('an update of a row that was seen in another life of the log changes nothing, whatever version it names', async () => {
    const { log, accepted, world } = open();
    const row = await accepted();
    await world.beginLife();
    const before = await log.get(row.gid);

    const answers = await log.update([row]);

    expect(answers).toEqual([false]);
    expect(await log.get(row.gid)).toEqual(before);
    expect(await log.update([{ ...row, epoch: await log.epoch() }])).toEqual([true]);
  });

  test('of a batch those updates are done that were seen in the present life of the log', async () => {
    const { log, accepted } = open();
    const [first, second] = [await accepted(), await accepted()];

    const answers = await log.update([{ ...first, epoch: first.epoch - 1 }, second]);

    expect(answers).toEqual([false, true]);
  });

  test('the updates of a batch get their answers in their order, whatever that is', async () => {
    const { log, accepted, newRow } = open();
    const rows = [await accepted(), await accepted(), await accepted()];
    const [oldest, middle, newest] = rows.map((row) => ({ ...row }));
    if (!oldest || !middle || !newest) throw new Error('Three rows were accepted.');
    const unknown = { ...oldest, gid: newRow().gid };

    const answers = await log.update([newest, unknown, oldest, { ...middle, version: 2 }]);

    expect(answers).toEqual([true, false, true, false]);
  });

  test('of updates at the same time that name one version exactly one is done', async () => {
    const { log, accepted } = open();
    const row = await accepted();

    const answers = await Promise.all(Array.from({ length: 8 }, async () => log.update([row])));

    expect(answers.filter(([isDone]) => isDone)).toHaveLength(1);
    expect((await log.get(row.gid))?.version).toBe(2);
  });

  test('batches at the same time with the same rows in another order all get their answers', async () => {
    const { log, accepted } = open();
    const rows = [await accepted(), await accepted(), await accepted(), await accepted()];

    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, turn) => log.update(turn % 2 === 0 ? rows : rows.toReversed())),
    );

    expect(answers.flat().filter(Boolean)).toHaveLength(rows.length);
  });

  test('a batch that names a row twice is refused', async () => {
    const { log, accepted } = open();
    const row = await accepted();

    await expect(log.update([row, row])).rejects.toThrow('twice');

    expect((await log.get(row.gid))?.version).toBe(1);
  });
}

function describeEnd(open: () => Desk): void {
  test.each(['committed', 'aborted'] as const)(
    'a row that is %s has its end, and keeps it',
    async (state) => {
      const { log, accepted } = open();
      const row = await accepted();

      const isEnded = await log.update([ended(row, state)]);

      const stored = await log.get(row.gid);
      expect([isEnded, stored?.state, stored?.finishedAt]).toEqual([[true], state, stored?.updatedAt]);
      expect(await log.update([{ ...row, version: 2 }])).toEqual([false]);
      expect(await log.get(row.gid)).toEqual(stored);
    },
  );

  test('a live row has no end', async () => {
    const { log, accepted } = open();
    const row = await accepted();

    await log.update([{ ...row, progress: running({ state: 'committing' }) }]);

    expect(await log.get(row.gid)).toMatchObject({ state: 'committing', finishedAt: undefined });
  });
}
