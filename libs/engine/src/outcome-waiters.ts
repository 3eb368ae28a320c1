import type { Clock } from './clock.port.js';
import type { Snapshot } from './engine.js';

/** How often the log is asked about a transaction that another instance drives. */
const POLL_MS = 200;

interface Question {
  readonly waitMs: number;
  readonly clock: Clock;
  /** Returns the transaction if its end is durable and this instance does not drive it. */
  readonly read: () => Promise<Snapshot | undefined>;
}

/** Those who wait for an outcome. They are told only after the end is durable. */
export class OutcomeWaiters {
  private readonly waiting = new Map<string, Set<(snapshot: Snapshot) => void>>();
  private isClosed = false;

  /** Tells all who wait for `gid`. */
  settle(gid: string, snapshot: Snapshot): void {
    for (const resolve of this.waiting.get(gid) ?? []) {
      resolve(snapshot);
    }
  }

  /** Has everybody give up waiting within a moment: the instance stops. */
  close(): void {
    this.isClosed = true;
  }

  /** Returns the transaction once it has ended, or undefined when the time is up. */
  async wait(gid: string, question: Question): Promise<Snapshot | undefined> {
    const resolvers = this.waiting.get(gid) ?? new Set();
    this.waiting.set(gid, resolvers);
    let resolver: ((snapshot: Snapshot) => void) | undefined;
    const told = new Promise<Snapshot>((resolve) => {
      resolver = resolve;
      resolvers.add(resolve);
    });
    const turn = { isOver: false };
    try {
      return await this.firstOf(told, question, turn);
    } finally {
      turn.isOver = true;
      if (resolver !== undefined) {
        resolvers.delete(resolver);
      }
      if (resolvers.size === 0) {
        this.waiting.delete(gid);
      }
    }
  }

  private async firstOf(
    told: Promise<Snapshot>,
    question: Question,
    turn: { readonly isOver: boolean },
  ): Promise<Snapshot | undefined> {
    const until = question.clock.now() + question.waitMs;
    let snapshot = await question.read();
    while (snapshot === undefined && !this.isClosed && question.clock.now() < until) {
      const pauseMs = Math.min(POLL_MS, until - question.clock.now());
      const poll = pause(pauseMs, question.clock).then(async () =>
        turn.isOver ? undefined : question.read(),
      );
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      snapshot = await Promise.race([told, poll]);
    }
    return snapshot;
  }
}

async function pause(ms: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.setTimer(ms, resolve);
  });
}
