import type { LedClient } from '../client.led.js';
import type { KafkaCommandsClock } from './kafka.clock.js';

/** Nobody waits longer for the coordinator: a service that starts while it is away must not stop. */
const WAIT_MS = 5_000;

/** What is known for longer is asked for again before anybody is refused by it: a log may have been made anew. */
const FRESH_MS = 10_000;

/** Which log the coordinator of this service keeps, as far as it has told. Other logs may use the same brokers. */
export class OwnLog {
  private known: string | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | undefined;

  constructor(
    private readonly coordinator: Pick<LedClient, 'logInfo'>,
    private readonly clock: KafkaCommandsClock,
  ) {}

  /** Undefined while the coordinator has not told it. Those of former versions never do. */
  get id(): string | undefined {
    return this.known;
  }

  /** Asks the coordinator in the background, unless it was asked of late. */
  learn(): void {
    this.asking ??= this.askUnlessFresh();
  }

  /** Resolves when the coordinator has told it, or cannot for now. Never rejects, and waits for five seconds at most. */
  async first(): Promise<void> {
    this.learn();
    if (this.known === undefined) {
      await this.asked();
    }
  }

  /** Tells whether `logId` is known to be another one. Asks before it says so. Never rejects, and waits for five seconds at most. */
  async isOther(logId: string): Promise<boolean> {
    if (logId === this.known) {
      return false;
    }
    const isFirst = this.askedAt === Number.NEGATIVE_INFINITY || this.asking !== undefined;
    this.learn();
    // Where it was asked in vain before, work must not wait again and again.
    if (isFirst || this.known !== undefined) {
      await this.asked();
    }
    return this.known !== undefined && this.known !== logId;
  }

  private askUnlessFresh(): Promise<void> | undefined {
    const nowMs = this.clock.now();
    if (nowMs - this.askedAt < FRESH_MS) {
      return undefined;
    }
    this.askedAt = nowMs;
    return this.ask().finally(() => {
      this.asking = undefined;
    });
  }

  private async ask(): Promise<void> {
    try {
      const { logId } = await this.coordinator.logInfo();
      this.known = logId ?? this.known;
    } catch {
      // What is known serves on. The registration tells of a coordinator that cannot be reached.
    }
  }

  private async asked(): Promise<void> {
    const { asking } = this;
    if (asking === undefined) {
      return;
    }
    const timers: { cancel(): void }[] = [];
    const late = new Promise<void>((resolve) => {
      timers.push(this.clock.setTimer(WAIT_MS, resolve));
    });
    await Promise.race([asking, late]);
    timers.forEach((timer) => timer.cancel());
  }
}
