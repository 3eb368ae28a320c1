import type { Clock, Timer } from './clock.port.js';
import type { Snapshot } from './snapshot.js';

/** How often the log is asked about the transactions that this instance does not drive itself. */
const POLL_MS = 200;

interface WaiterPorts {
  readonly clock: Clock;
  /** Returns the transaction if its end is durable and this instance does not drive it. */
  readonly read: (gid: string) => Promise<Snapshot | undefined>;
  /** Returns those of `gids` that have ended in the log, without those that this instance drives. */
  readonly ended: (gids: readonly string[]) => Promise<readonly string[]>;
}

type Tell = (snapshot: Snapshot | undefined) => void;

/**
 * Those who wait for an outcome. They are told only after the end is durable.
 *
 * However many wait, the log is asked once for all of them.
 */
export class OutcomeWaiters {
  private readonly waiting = new Map<string, Set<Tell>>();
  private poll: Timer | undefined;
  private isClosed = false;

  constructor(private readonly ports: WaiterPorts) {}

  /** Tells all who wait for `gid`. */
  settle(gid: string, snapshot: Snapshot): void {
    for (const tell of this.waiting.get(gid) ?? []) {
      tell(snapshot);
    }
  }

  /** Sends everybody away: the instance stops. */
  close(): void {
    this.isClosed = true;
    this.poll?.cancel();
    for (const tells of this.waiting.values()) {
      for (const tell of tells) {
        tell(undefined);
      }
    }
  }

  /** Returns the transaction once it has ended, or undefined when the time is up. */
  async wait(gid: string, waitMs: number): Promise<Snapshot | undefined> {
    const ended = await this.ports.read(gid);
    if (ended !== undefined || this.isClosed || waitMs <= 0) {
      return ended;
    }
    return new Promise((resolve) => {
      const tells = this.waiting.get(gid) ?? new Set<Tell>();
      this.waiting.set(gid, tells);
      const tell: Tell = (snapshot) => {
        timer.cancel();
        tells.delete(tell);
        if (tells.size === 0) {
          this.waiting.delete(gid);
        }
        resolve(snapshot);
      };
      const timer = this.ports.clock.setTimer(waitMs, () => {
        tell(undefined);
      });
      tells.add(tell);
      this.pollLater();
    });
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
