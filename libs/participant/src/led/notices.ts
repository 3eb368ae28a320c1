import { NOTICE_COUNT_MAX, type Notice } from '@atone/protocol';
import type { LedClient } from '../client.led.js';
import type { ElapsedClock } from '../client.ports.js';

const GATHER_MS = 100;
/** What comes while so many wait is dropped: the console shows a little less, and nobody is slowed down. */
const WAITING_MAX = 5_000;

/** Tells the coordinator which transactions have begun: in batches, unawaited, and without a promise that it arrives. */
export class Notices {
  readonly #waiting: Notice[] = [];
  #isTimed = false;
  #isSending = false;

  constructor(
    private readonly client: Pick<LedClient, 'notices'>,
    private readonly clock: ElapsedClock,
  ) {}

  tell(notice: Notice): void {
    if (this.#waiting.length >= WAITING_MAX) {
      return;
    }
    this.#waiting.push(notice);
    if (this.#waiting.length >= NOTICE_COUNT_MAX) {
      this.#flush();
    } else if (!this.#isTimed) {
      this.#isTimed = true;
      this.clock.setTimer(GATHER_MS, () => {
        this.#isTimed = false;
        this.#flush();
      });
    }
  }

  /** One request at a time: a coordinator that is slow to answer is not asked more often for it. */
  #flush(): void {
    if (this.#isSending || this.#waiting.length === 0) {
      return;
    }
    this.#isSending = true;
    this.client
      .notices(this.#waiting.splice(0, NOTICE_COUNT_MAX))
      .catch(() => undefined)
      .finally(() => {
        this.#isSending = false;
        if (this.#waiting.length > 0) {
          this.#flush();
        }
      });
  }
}
