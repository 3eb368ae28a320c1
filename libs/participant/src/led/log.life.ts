import type { LogInfo } from '@atone/protocol';
import type { LedClient } from '../client.led.js';
import type { ElapsedClock } from '../client.ports.js';

/** After it, what is known of the log is fetched again, while the old is still used. */
const FRESH_MS = 30_000;

/** Which log decides, and how far its clock is. */
export interface KnownLog {
  readonly logNumber: number;
  readonly epoch: number;
  readonly timeoutMaxMs: number;
  /** Returns the time of the log, in ms since 1970, as far as it is known here. */
  nowMs(): number;
}

/** What is known of the coordinator's log: fetched once, and renewed while nobody waits for it. */
export class LogLife {
  #known: KnownLog | undefined;
  #fetchedAt = 0;
  #underWay: Promise<KnownLog> | undefined;

  constructor(
    private readonly client: Pick<LedClient, 'logInfo'>,
    private readonly clock: ElapsedClock,
  ) {}

  /** Returns what is known of the log. @throws what the client throws, if nothing is known yet. */
  async get(): Promise<KnownLog> {
    if (this.#known === undefined) {
      return this.#fetch();
    }
    if (this.clock.now() - this.#fetchedAt > FRESH_MS) {
      // What is known serves as long as nothing better does.
      this.#fetch().catch(() => undefined);
    }
    return this.#known;
  }

  /** Forgets what is known: the log says that it is in another life. */
  forget(): void {
    this.#known = undefined;
  }

  #fetch(): Promise<KnownLog> {
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #ask(): Promise<KnownLog> {
    const known = this.#read(await this.client.logInfo());
    this.#fetchedAt = this.clock.now();
    this.#known = known;
    return known;
  }

  #read({ logNumber, epoch, timeoutMaxMs, now }: LogInfo): KnownLog {
    const { clock } = this;
    // oxlint-disable-next-line no-restricted-globals -- it reads what is written, and no clock
    const at = { log: Date.parse(now), here: clock.now() };
    return { logNumber, epoch, timeoutMaxMs, nowMs: () => Math.floor(at.log + clock.now() - at.here) };
  }
}
