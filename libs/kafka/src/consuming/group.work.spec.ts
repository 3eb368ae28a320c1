import { describe, expect, test } from '@jest/globals';
import type { ReceivedBatch, ReceivedRecord } from '../kafka.port.js';
import { Door } from '../testing/kafka.reader.js';
import { GroupWork, type GroupPort } from './group.work.js';
import type { Progress } from './offset.committer.js';

const PLACE = { topic: 'orders', partition: 0 };
const HELD = new Map([['orders', [0]]]);

describe('the work of a member', () => {
  test('tells once that the brokers are back, when no trouble has come for some seconds', () => {
    const time = { nowMs: 0 };
    let recoveryCount = 0;
    const work = new GroupWork(
      {
        groupId: 'g',
        topics: ['orders'],
        from: 'earliest',
        onBatch: async () => undefined,
        onRecovery: () => (recoveryCount += 1),
      },
      () => time.nowMs,
    );
    const counts = [0, 1_000, 2_999, 1, 5_000].map((passedMs, at) => {
      time.nowMs += passedMs;
      if (at === 1) {
        work.trouble(new Error('away'));
      }
      work.answered();
      return recoveryCount;
    });

    expect(counts).toEqual([0, 0, 0, 1, 1]);
  });

  test('takes batches of bounded size, and commits behind the last', async () => {
    const { batches, commits, port, work } = member({ recordCountMax: 2 });
    work.hold(HELD, port);

    work.push(PLACE, records(0, 5));
    await until(() => batches.length === 3);
    await work.close();

    expect(batches.map((batch) => batch.records.length)).toEqual([2, 2, 1]);
    expect(commits.at(-1)).toEqual([{ ...PLACE, offset: 5n }]);
  });

  test('does not commit what was under way when its partitions were given out anew', async () => {
    const door = new Door();
    const { batches, commits, port, work } = member({ onBatch: async () => door.passage });
    work.hold(HELD, port);
    work.push(PLACE, records(0, 1));
    await until(() => batches.length === 1);

    work.hold(new Map(), port);
    door.open();
    await work.close();

    expect(commits).toEqual([]);
  });

  test('waits for the batch of before a rebalance, when the partition comes back', async () => {
    const door = new Door();
    let underWay = 0;
    let mostUnderWay = 0;
    const { batches, port, work } = member({
      onBatch: async () => {
        underWay += 1;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        await door.passage;
        underWay -= 1;
      },
    });
    work.hold(HELD, port);
    work.push(PLACE, records(0, 1));
    await until(() => batches.length === 1);

    work.hold(HELD, port);
    work.push(PLACE, records(0, 2));
    door.open();
    await until(() => batches.length === 2);
    await work.close();

    expect(mostUnderWay).toBe(1);
    expect(batches.map((batch) => batch.records.length)).toEqual([1, 2]);
  });

  test('has a partition paused while much of it waits, and then no longer', async () => {
    const door = new Door();
    const { pauses, port, work } = member({ recordCountMax: 1, onBatch: async () => door.passage });
    work.hold(HELD, port);

    work.push(PLACE, records(0, 4));
    expect(pauses).toEqual([true]);
    door.open();
    await until(() => pauses.length === 2);

    expect(pauses).toEqual([true, false]);
    await work.close();
  });

  test('has what was paused fetched again after a rebalance, which forgets what waited', async () => {
    const door = new Door();
    const { pauses, port, work } = member({ recordCountMax: 1, onBatch: async () => door.passage });
    work.hold(HELD, port);
    work.push(PLACE, records(0, 4));

    work.hold(HELD, port);

    expect(pauses).toEqual([true, false]);
    door.open();
    await work.close();
  });

  test('tells of a rejected batch, and deals with it again', async () => {
    let rejections = 2;
    const { batches, commits, port, troubles, work } = member({
      onBatch: async () => {
        if (rejections > 0) {
          rejections -= 1;
          throw new Error('not now');
        }
      },
    });
    work.hold(HELD, port);

    work.push(PLACE, records(0, 1));
    await until(() => batches.length === 3);
    await work.close();

    expect(troubles.map(String)).toEqual(['Error: not now', 'Error: not now']);
    expect(commits).toEqual([[{ ...PLACE, offset: 1n }]]);
  });

  test('commits again what could not be committed', async () => {
    let failures = 1;
    const { commits, port, troubles, work } = member({});
    const failing: GroupPort = {
      commit: async (progress) => {
        failures -= 1;
        await (failures >= 0 ? Promise.reject(new Error('no coordinator')) : port.commit(progress));
      },
    };
    work.hold(HELD, failing);

    work.push(PLACE, records(0, 1));
    await until(() => commits.length === 1);

    expect(commits).toEqual([[{ ...PLACE, offset: 1n }]]);
    expect(troubles.map(String)).toEqual(['Error: no coordinator']);
    await work.close();
  });

  test('tells of trouble with the brokers once, however often it is met', () => {
    const { troubles, work } = member({});

    work.trouble(new Error('Connection refused'));
    work.trouble(new Error('Connection refused'));
    work.trouble(new Error('Authentication failed'));

    expect(troubles.map(String)).toEqual(['Error: Connection refused', 'Error: Authentication failed']);
  });

  test('leaves though nothing can be committed', async () => {
    const { batches, work } = member({});
    work.hold(HELD, { commit: async () => Promise.reject(new Error('no coordinator')) });
    work.push(PLACE, records(0, 1));
    await until(() => batches.length === 1);

    await work.close();

    expect(work.push(PLACE, records(1, 1))).toBe(false);
  });

  test('tells its partitions when they change, and only then', () => {
    const { told, port, work } = member({});

    work.hold(new Map([['orders', [2, 0]]]), port);
    work.hold(new Map([['orders', [0, 2]]]), port);
    work.hold(new Map([['orders', []]]));
    work.hold(new Map());

    expect(told).toEqual([new Map([['orders', [0, 2]]]), new Map()]);
  });

  test('tells whether it belongs to the group, though it hold nothing', () => {
    const { memberships, port, work } = member({});

    work.hold(new Map());
    work.hold(new Map([['orders', []]]), port);
    work.hold(HELD, port);
    work.hold(new Map());

    expect(memberships).toEqual([true, false]);
  });
});

interface MemberOptions {
  readonly recordCountMax?: number;
  readonly onBatch?: () => Promise<void>;
}

/** A member, and what it does to the library that it works for. */
function member({ recordCountMax, onBatch }: MemberOptions) {
  const batches: ReceivedBatch[] = [];
  const commits: (readonly Progress[])[] = [];
  const pauses: boolean[] = [];
  const told: ReadonlyMap<string, readonly number[]>[] = [];
  const memberships: boolean[] = [];
  const troubles: unknown[] = [];
  const port: GroupPort = {
    commit: async (progress) => {
      commits.push(progress);
    },
    setPaused: (_, isPaused) => pauses.push(isPaused),
  };
  const work = new GroupWork({
    groupId: 'g',
    topics: ['orders'],
    from: 'earliest',
    recordCountMax,
    onBatch: async (batch) => {
      batches.push(batch);
      await onBatch?.();
    },
    onAssignment: (partitions) => told.push(partitions),
    onMembership: (isMember) => memberships.push(isMember),
    onTrouble: (error) => troubles.push(error),
  });
  return { batches, commits, memberships, pauses, port, told, troubles, work };
}

function records(from: number, count: number): readonly ReceivedRecord[] {
  return Array.from({ length: count }, (_, position) => ({
    ...PLACE,
    offset: BigInt(from + position),
    key: 'k',
    value: 'v',
    headers: {},
    timestamp: 0,
  }));
}

/** Lets others go on until this holds. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    // oxlint-disable-next-line no-await-in-loop -- a wait
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
