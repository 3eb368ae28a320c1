import { NOTICE_COUNT_MAX, type Notice } from '@atone/protocol';
import type { LedClient } from '../client.led.js';
import type { ElapsedClock } from '../client.ports.js';
import type { LedOutcome } from './led.errors.js';

const GATHER_MS = 100;
/** What comes while so many wait is dropped, and tried again later: the console shows a little less, and nobody is slowed down. */
const WAITING_MAX = 5_000;
/** How many of those that live on are told of again. */
const LIVING_MAX = 5_000;
/** A request of so many branches is a fraction of what a coordinator takes. */
const BRANCHES_PER_REQUEST = 500;
const LOOK_EVERY_MS = 1_000;
const FIRST_AGAIN_MS = 1_000;
const AGAIN_EVERY_MS = 5_000;

/** A transaction that people are told of. */
export interface Told {
  readonly gid: string;
  /** From then on nothing more is told. By the clock of the notices. */
  readonly deadlineAt: number;
  /** Returns what there is to tell now. */
  notice(): Notice;
}

interface Entry {
  readonly told: Told;
  /** What was told last of its calls, in short; undefined before the first time. */
  last: string | undefined;
  /** When it is told again, if it has changed. */
  againAt: number;
  isOver: boolean;
}

/**
 * Tells the coordinator which transactions are under way and what they have called: in batches, unawaited, and without a
 * promise that it arrives. What ends while it waits to be told, decided or with nothing to decide, costs no request.
 */
export class Notices {
  readonly #living = new Map<string, Entry>();
  readonly #waiting = new Set<Entry>();
  #isTimed = false;
  #isSending = false;
  #isLooking = false;

  constructor(
    private readonly client: Pick<LedClient, 'notices'>,
    private readonly clock: ElapsedClock,
  ) {}

  /** Tells of a transaction that has begun, and again while it lives and its calls change. */
  tell(told: Told): void {
    const entry = { told, last: undefined, againAt: Number.POSITIVE_INFINITY, isOver: false };
    if (this.#living.size < LIVING_MAX) {
      this.#living.set(told.gid, entry);
      this.#lookLater();
    }
    this.#enqueue(entry);
  }

  /** Tells no more of a transaction that has ended with `outcome`: who decides it knows. */
  end(gid: string, outcome: LedOutcome): void {
    const entry = this.#living.get(gid);
    this.#living.delete(gid);
    if (entry !== undefined && (outcome === 'committed' || outcome === 'aborted')) {
      this.#waiting.delete(entry);
    }
  }

  /** Tells of a transaction for which nothing will be decided that it is over, if it was told of. */
  over(gid: string): void {
    const entry = this.#living.get(gid);
    this.end(gid, 'aborted');
    if (entry?.last !== undefined) {
      entry.isOver = true;
      this.#enqueue(entry);
    }
  }

  #enqueue(entry: Entry): void {
    if (this.#waiting.size >= WAITING_MAX) {
      entry.againAt = this.clock.now() + FIRST_AGAIN_MS;
      return;
    }
    this.#waiting.add(entry);
    if (this.#waiting.size >= NOTICE_COUNT_MAX) {
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
    if (this.#isSending || this.#waiting.size === 0) {
      return;
    }
    this.#isSending = true;
    const { notices, entries } = this.#nextBatch();
    this.client
      .notices(notices)
      .catch(() => {
        // Nobody may have heard: those that live on are told of again, changed or not.
        for (const entry of entries) {
          entry.last = '';
        }
      })
      .finally(() => {
        this.#isSending = false;
        if (this.#waiting.size > 0) {
          this.#flush();
        }
      });
  }

  #nextBatch(): { readonly notices: Notice[]; readonly entries: Entry[] } {
    const notices: Notice[] = [];
    const entries: Entry[] = [];
    let branchCount = 0;
    for (const entry of this.#waiting) {
      if (entries.length >= NOTICE_COUNT_MAX || branchCount >= BRANCHES_PER_REQUEST) {
        break;
      }
      this.#waiting.delete(entry);
      const notice = this.#noticeOf(entry);
      entries.push(entry);
      notices.push(notice);
      branchCount += (notice.branches?.length ?? 0) + (notice.calls?.length ?? 0);
    }
    return { notices, entries };
  }

  #noticeOf(entry: Entry): Notice {
    const notice = entry.told.notice();
    if (entry.isOver) {
      const { branches: _branches, branchCount: _count, calls: _calls, ...begun } = notice;
      return { ...begun, isOver: true };
    }
    entry.againAt = this.clock.now() + (entry.last === undefined ? FIRST_AGAIN_MS : AGAIN_EVERY_MS);
    entry.last = inShort(notice);
    return notice;
  }

  #lookLater(): void {
    if (!this.#isLooking && this.#living.size > 0) {
      this.#isLooking = true;
      const lookAgain = (): void => {
        this.#isLooking = false;
        this.#look();
        this.#lookLater();
      };
      this.clock.setTimer(LOOK_EVERY_MS, lookAgain, { isBackground: true });
    }
  }

  #look(): void {
    const now = this.clock.now();
    for (const [gid, entry] of this.#living) {
      if (entry.told.deadlineAt <= now) {
        this.#living.delete(gid);
      } else if (entry.againAt <= now) {
        entry.againAt = now + AGAIN_EVERY_MS;
        if (entry.last !== inShort(entry.told.notice())) {
          this.#enqueue(entry);
        }
      }
    }
  }
}

/** Returns what differs between two notices of one transaction. */
function inShort({ branches = [], branchCount, calls = [] }: Notice): string {
  const states = branches.map(({ branchId, state }) => `${branchId} ${state}`);
  return [branchCount, ...states, ...calls.map(({ callId }) => callId)].join();
}
