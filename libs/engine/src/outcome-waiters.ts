import type { Clock, Timer } from './clock.port.js';
import type { Snapshot } from './snapshot.js';

/** How often the log is asked about the transactions that this instance does not drive itself. */
const POLL_MS = 200;

interface WaiterPorts {
  readonly clock: Clock;
  /** Tells whether this instance drives the transaction, and so will tell of its end by itself. */
  readonly isDriven: (gid: string) => boolean;
  /** Returns the transaction if its end is durable and this instance does not drive it. */
  readonly read: (gid: string) => Promise<Snapshot | undefined>;
  /** Returns those of `gids` that have ended in the log, without those that this instance drives. */
  readonly ended: (gids: readonly string[]) => Promise<readonly string[]>;
}

interface Waiter {
  readonly timer: Timer;
  readonly resolve: (snapshot: Snapshot | undefined) => void;
}

/**
 * Those who wait for an outcome. They are told only after the end is durable.
 *
 * However many wait, the log is asked once for all of them.
 */
export class OutcomeWaiters {
  private readonly waiting = new Map<string, Waiter[]>();
  private poll: Timer | undefined;
  private isClosed = false;

  constructor(private readonly ports: WaiterPorts) {}

  /** Sends away all who wait for `gid`, with what is known of it. */
  settle(gid: string, snapshot: Snapshot | undefined): void {
    const waiters = this.waiting.get(gid);
    if (waiters !== undefined) {
      this.waiting.delete(gid);
      for (const { timer, resolve } of waiters) {
        timer.cancel();
        resolve(snapshot);
      }
    }
  }

  /** Sends everybody away: the instance stops. */
  close(): void {
    this.isClosed = true;
    this.poll?.cancel();
    for (const gid of this.waiting.keys()) {
      this.settle(gid, undefined);
    }
  }

  /** Returns the transaction once it has ended, or undefined when the time is up. */
  wait(gid: string, waitMs: number): Promise<Snapshot | undefined> {
    // Nothing is awaited before the waiter of what is driven here stands in its place: its end may come at any moment.
    return this.ports.isDriven(gid) ? this.queued(gid, waitMs) : this.readOrQueued(gid, waitMs);
  }

  private async readOrQueued(gid: string, waitMs: number): Promise<Snapshot | undefined> {
    return (await this.ports.read(gid)) ?? this.queued(gid, waitMs);
  }

  private queued(gid: string, waitMs: number): Promise<Snapshot | undefined> {
    return new Promise((resolve) => {
      if (this.isClosed || waitMs <= 0) {
        resolve(undefined);
        return;
      }
      const timer = this.ports.clock.setTimer(waitMs, () => {
        this.leave(gid, waiter);
      });
      const waiter = { timer, resolve };
      const waiters = this.waiting.get(gid);
      if (waiters === undefined) {
        this.waiting.set(gid, [waiter]);
      } else {
        waiters.push(waiter);
      }
      this.pollLater();
    });
  }

  /** Sends one away whose time is up. */
  private leave(gid: string, waiter: Waiter): void {
    const others = this.waiting.get(gid)?.filter((other) => other !== waiter) ?? [];
    if (others.length === 0) {
      this.waiting.delete(gid);
    } else {
      this.waiting.set(gid, others);
    }
    waiter.resolve(undefined);
  }

  private pollLater(): void {
    if (this.isClosed || this.waiting.size === 0) {
      return;
    }
    this.poll ??= this.ports.clock.setTimer(POLL_MS, () => {
      void this.pollNow().finally(() => {
        this.poll = undefined;
        this.pollLater();
      });
    });
  }

  private async pollNow(): Promise<void> {
    try {
      for (const gid of await this.ports.ended([...this.waiting.keys()])) {
        // oxlint-disable-next-line no-await-in-loop -- few end elsewhere in the same fifth of a second.
        const snapshot = await this.ports.read(gid);
        if (snapshot !== undefined) {
          this.settle(gid, snapshot);
        }
      }
    } catch {
      // The log does not answer at the moment: the next look, or the end of the waiting, comes soon.
    }
  }
}
