import { describe, expect, test } from '@jest/globals';
import { QuickstartError } from './quickstart.error.js';
import { GRACE_MS, Supervisor, type Child, type ChildEnd, type ChildPlan } from './supervisor.js';

const PLAN: ChildPlan = { name: 'stock', entry: 'main.js', environment: {} };
const KILLED: ChildEnd = {
  how: 'by SIGKILL',
  wasKilled: true,
  isMisconfigured: false,
  lastWords: ['busy'],
};

function exited(lastWord = 'no database'): ChildEnd {
  return { how: 'with exit code 1', wasKilled: false, isMisconfigured: false, lastWords: [lastWord] };
}

function misconfigured(...lastWords: readonly string[]): ChildEnd {
  return { how: 'with exit code 78', wasKilled: false, isMisconfigured: true, lastWords };
}

class FakeChild implements Child {
  readonly signals: NodeJS.Signals[] = [];
  readonly ended: Promise<ChildEnd>;
  end!: (how: ChildEnd) => void;

  constructor(private readonly answer: (signal: NodeJS.Signals) => ChildEnd | undefined) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
    const end = this.answer(signal);
    if (end !== undefined) {
      this.end(end);
    }
  }
}

/** A world in which time passes only while the supervisor sleeps. */
class World {
  readonly children: FakeChild[] = [];
  readonly lines: string[] = [];
  readonly pausesMs: number[] = [];
  nowMs = 0;
  readonly supervisor = new Supervisor({
    spawn: () => {
      const child = new FakeChild((signal) => this.answer(signal));
      this.children.push(child);
      return child;
    },
    now: () => this.nowMs,
    sleep: async (delayMs) => {
      this.pausesMs.push(delayMs);
      this.nowMs += delayMs;
    },
    warn: (line) => this.lines.push(line),
    logFolder: '/logs',
  });
  answer: (signal: NodeJS.Signals) => ChildEnd | undefined = () => KILLED;

  /** Lets the child that runs live for `livedMs`, and end. */
  async endLast(end: ChildEnd, livedMs = 0): Promise<void> {
    this.nowMs += livedMs;
    this.children.at(-1)?.end(end);
    // Every step of the supervisor between two children is done after that.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a child that ends', () => {
  test('is started again, with its last lines shown once', async () => {
    const world = new World();
    world.supervisor.start(PLAN);

    await world.endLast(exited(), 60_000);
    await world.endLast(exited(), 60_000);

    expect(world.children).toHaveLength(3);
    expect(world.lines).toEqual([
      'stock ended with exit code 1, and is started again in 0.5 s.',
      '  Its last lines:\n    no database',
      'stock ended with exit code 1, and is started again in 0.5 s.',
    ]);
  });

  test('at once, again and again, is waited for longer each time, and given up in the end', async () => {
    const world = new World();
    world.supervisor.start(PLAN);

    for (let count = 0; count < 6; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one life after the other
      await world.endLast(exited());
    }

    expect(world.pausesMs).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    await expect(world.supervisor.failed).rejects.toThrow(
      new QuickstartError('stock ended 6 times in a row, last with exit code 1; its words are in /logs.'),
    );
  });

  test('after a long life counts as the first', async () => {
    const world = new World();
    world.supervisor.start(PLAN);
    await world.endLast(exited());
    await world.endLast(exited());

    await world.endLast(exited(), 15_000);

    expect(world.pausesMs).toEqual([500, 1_000, 500]);
  });

  test.each([
    [
      'in a plain sentence',
      ['ATONE_LOG_LEVEL must be one of these.'],
      'ATONE_LOG_LEVEL must be one of these.',
    ],
    [
      'in lines behind its log',
      ['{"level":30}', '[Nest] 1 - ERROR', '    at main.js', 'No topic. Run:', 'kafka-topics.sh'],
      'No topic. Run:\nkafka-topics.sh',
    ],
  ])(
    'because of its configuration is not started again, and its reason is told: %s',
    async (_how, lines, told) => {
      const world = new World();
      world.supervisor.start(PLAN);

      await world.endLast(misconfigured(...lines), 60_000);

      expect(world.children).toHaveLength(1);
      await expect(world.supervisor.failed).rejects.toThrow(
        new QuickstartError(`stock cannot run as it is configured. ${told}`),
      );
    },
  );

  test('because of its configuration without a word has its words looked up', async () => {
    const world = new World();
    world.supervisor.start(PLAN);

    await world.endLast(misconfigured('{"level":30}'));

    await expect(world.supervisor.failed).rejects.toThrow(
      new QuickstartError('stock cannot run as it is configured; its words are in /logs.'),
    );
  });

  test('because it was killed comes back at once, however often, and has no last words', async () => {
    const world = new World();
    world.supervisor.start(PLAN);

    for (let count = 0; count < 20; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one life after the other
      await world.endLast(KILLED);
    }

    expect(world.children).toHaveLength(21);
    expect(new Set(world.pausesMs)).toEqual(new Set([500]));
    expect(world.lines.join()).not.toContain('last lines');
  });
});

describe('a stop', () => {
  test('ends all children in order, and starts none again', async () => {
    const world = new World();
    world.supervisor.start(PLAN);
    world.supervisor.start({ ...PLAN, name: 'payments' });

    await world.supervisor.stop();

    // The fake sleep is over at once, so the rough signal follows; nobody is left to get it.
    expect(world.children.map(({ signals }) => signals[0])).toEqual(['SIGTERM', 'SIGTERM']);
    expect(world.children).toHaveLength(2);
    expect(world.lines).toEqual([]);
  });

  test('comes to a coordinator when the services have ended, so that they can say goodbye to it', async () => {
    const world = new World();
    world.supervisor.start({ ...PLAN, name: 'coordinator', stopsLast: true });
    world.supervisor.start(PLAN);
    const [coordinator, stock] = world.children;
    world.answer = () => undefined;

    const stopped = world.supervisor.stop();
    const before = [coordinator, stock].map((child) => child?.signals[0]);
    stock?.end(KILLED);
    world.answer = () => KILLED;
    await stopped;

    expect(before).toEqual([undefined, 'SIGTERM']);
    expect(coordinator?.signals).toEqual(['SIGTERM']);
  });

  test('kills who does not end within the grace', async () => {
    const world = new World();
    world.answer = (signal) => (signal === 'SIGKILL' ? KILLED : undefined);
    world.supervisor.start(PLAN);

    await world.supervisor.stop();

    expect(world.pausesMs[0]).toBe(GRACE_MS);
    expect(world.children[0]?.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  test('during a pause starts nobody', async () => {
    const world = new World();
    world.supervisor.start(PLAN);
    const ending = world.endLast(exited());

    await world.supervisor.stop();
    await ending;

    expect(world.children).toHaveLength(1);
  });
});
