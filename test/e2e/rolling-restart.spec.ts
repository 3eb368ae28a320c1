import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { SubmitOptions } from '@atone/participant';
import type { TransactionView } from '@atone/protocol';
import { placeOrder } from '../harness/contracts.js';
import { CoordinatorFleet } from '../harness/coordinator.fleet.js';
import { Gate, until } from '../harness/until.js';
import { World } from '../harness/world.js';

const RESTART_COUNT = 4;
const LOAD_COUNT = 52;
const WORKER_COUNT = 8;

/** Beside everything else that is tested. */
const TIMEOUT_MS = 120_000;

let world: World;
let fleet: CoordinatorFleet | undefined;

beforeAll(async () => {
  world = await World.start();
}, TIMEOUT_MS);

afterEach(async () => {
  world.script.clear();
  await fleet?.close();
  fleet = undefined;
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

/** A saga that is under way at one coordinator for as long as it takes. */
interface Held {
  readonly gid: Promise<string>;
  /** Lets it go on. */
  readonly exit: Gate;
}

/** Submits a saga, waits until its last step runs, and keeps it there. All others pass. */
async function hold(
  submit: (order: { readonly amount: number }, options: SubmitOptions) => Promise<{ readonly gid: string }>,
): Promise<Held> {
  const { entered, exit } = world.script.hold('shipping.book');
  const submitted = submit({ amount: 1 }, { wait: '60s' });
  await entered.passage;
  world.script.on('shipping.book', () => undefined);
  return { gid: submitted.then(({ gid }) => gid), exit };
}

/** Starts sagas, some at a time. Every fourth is one that is refused at its second step. */
function load(
  started: CoordinatorFleet,
  round: number,
): { readonly begun: Gate; readonly gids: Promise<readonly string[]> } {
  const begun = new Gate();
  const gids: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let turn = next++; turn < LOAD_COUNT; turn = next++) {
      const order = turn % 4 === 3 ? { amount: 1, account: 'nobody' } : { amount: 1 };
      // oxlint-disable-next-line no-await-in-loop -- each of the workers does one after the other.
      const submitted = await started.submit(order, { turn, idempotencyKey: `order-${round}-${turn}` });
      gids.push(submitted.gid);
      if (turn >= WORKER_COUNT) {
        begun.open();
      }
    }
  };
  const all = Promise.all(Array.from({ length: WORKER_COUNT }, work)).then(() => gids);
  return { begun, gids: all };
}

describe('two coordinators that are restarted in turn under load', () => {
  test(
    'leave no saga stuck, lost or twice',
    async () => {
      const started = await CoordinatorFleet.start(world.logUrl, 2);
      fleet = started;
      const held: string[] = [];
      const submitted: string[] = [];
      for (let round = 0; round < RESTART_COUNT; round += 1) {
        /* oxlint-disable no-await-in-loop -- one after the other is what a rolling restart is. */
        const place = round % started.size;
        const { gid, exit } = await hold(async (...order) => started.submitAt(place, ...order));
        const { begun, gids } = load(started, round);
        await begun.passage;
        const stopped = started.stop(place);
        // Who waits for the outcome is told how far it is.
        held.push(await gid);
        await stopped;
        await started.refill(place);
        exit.open();
        submitted.push(...(await gids));
        // What is asked of it again must not be taken for the one that is held next.
        await world.ended(await gid);
        /* oxlint-enable no-await-in-loop */
      }

      const views = await Promise.all([...held, ...submitted].map(async (gid) => world.ended(gid)));

      expect(new Set(views.map(({ gid }) => gid)).size).toBe(RESTART_COUNT * (LOAD_COUNT + 1));
      expect(await storedCount()).toBe(views.length);
      expect(views.filter(({ stuck }) => stuck !== undefined)).toEqual([]);
      expect(outcomesOf(views)).toEqual({
        aborted: (RESTART_COUNT * LOAD_COUNT) / 4,
        committed: RESTART_COUNT * ((LOAD_COUNT * 3) / 4 + 1),
      });
      const heldViews = views.filter(({ gid }) => held.includes(gid));
      expect(heldViews.map(wasTakenOver)).toEqual(heldViews.map(() => true));
    },
    TIMEOUT_MS,
  );
});

describe('a row in the format of the next version', () => {
  test(
    'is left alone by this one, in sight, and ended by the next',
    async () => {
      const first = await world.startCoordinator();
      const submit: Parameters<typeof hold>[0] = async (...order) =>
        first.client.submit(placeOrder, ...order);
      const newer = await hold(submit);
      const known = await hold(submit);
      const told = Promise.all([newer.gid, known.gid]);
      const [newerGid, knownGid] = await underWay();
      await setFormat(newerGid, 2);
      await first.close();
      await told;
      newer.exit.open();
      known.exit.open();
      await world.ended(knownGid);

      const view = await world.coordinator.client.get(newerGid);
      expect(view).toMatchObject({ state: 'running', outcome: 'undecided', format: 2, branches: [] });
      expect(await world.coordinator.client.counts()).toMatchObject({ unknownFormat: 1 });
      expect(await storedRow(newerGid)).toMatchObject({ format: 2, stuck_reason: null, finished_at: null });
      await setFormat(newerGid, 1);

      const ended = await world.ended(newerGid);
      expect({ outcome: ended.outcome, stuck: ended.stuck }).toEqual({
        outcome: 'committed',
        stuck: undefined,
      });
      expect(wasTakenOver(ended)).toBe(true);
      expect(await world.effectsOf(newerGid)).toEqual(['stock', 'charge', 'parcel']);
    },
    TIMEOUT_MS,
  );
});

function wasTakenOver({ history }: TransactionView): boolean {
  return history.some(({ what }) => what === 'claimed');
}

function outcomesOf(views: readonly TransactionView[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { outcome } of views) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

async function storedCount(): Promise<number> {
  const [row] = await world.queryLog<{ count: number }>(
    'select count(*)::int as count from atone.global_transaction',
  );
  return row?.count ?? 0;
}

/** Returns the two sagas that have not ended, in the order of their coming. */
async function underWay(): Promise<readonly [string, string]> {
  return until('two sagas are under way', async () => {
    const rows = await world.queryLog<{ gid: string }>(
      'select gid from atone.global_transaction where finished_at is null order by gid',
    );
    const [first, second] = rows.map(({ gid }) => gid);
    return first !== undefined && second !== undefined && ([first, second] as const);
  });
}

async function setFormat(gid: string, format: number): Promise<void> {
  await world.queryLog('update atone.global_transaction set format = $2 where gid = $1', [gid, format]);
}

async function storedRow(gid: string): Promise<object | undefined> {
  const rows = await world.queryLog(
    'select format, stuck_reason, finished_at from atone.global_transaction where gid = $1',
    [gid],
  );
  return rows[0];
}
