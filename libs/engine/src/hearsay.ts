import { gidTimeMs } from '@atone/core';
import type { Doubt, Notice } from '@atone/protocol';
import { byBranch, type BranchDoubt, type Referral } from './branch.doubt.js';
import type { Clock } from './clock.port.js';
import { DoubtStore } from './doubt.store.js';
import { ToldCallsStore, type ToldCalls } from './told.calls.js';

/** What this instance has heard of a led transaction. */
export interface HearsayEntry {
  readonly gid: string;
  /** What its initiator told; or, if it told nothing here, what the first participant that asked knows. */
  readonly notice: Notice;
  /** When it began, as far as is known here. */
  readonly begunAt: number;
  readonly deadlineAt: number;
  /** What its initiator told last of its calls. */
  readonly calls: ToldCalls;
  readonly doubts: readonly BranchDoubt[];
}

/** A notice, and what follows from it. */
export interface Heard extends Omit<HearsayEntry, 'calls' | 'doubts'> {
  /** Whether it has ended without a decision. It is shown no more, and its deadline still counts. */
  readonly isOver?: boolean;
}

/** What those who are in doubt tell of their transaction. */
interface Doubted {
  readonly heard: Heard;
  /** The latest deadline of which a call has told those who ask. */
  readonly deadlineAt: number | undefined;
}

/** The most transactions that are kept of each sort; the oldest go first. */
const COUNT_MAX = 50_000;

/** How much is kept of what keeps a participant from doing what it was told. */
const TROUBLE_CHARS_MAX = 200;

/** For how long past its deadline a transaction is remembered, and a doubt that is not asked again. */
const FORGET_AFTER_MS = 300_000;

/** The same for a doubt that is left to people: it is asked again seldom, and not always here. */
const FORGET_REFERRED_AFTER_MS = 3_600_000;

const SWEEP_EVERY_MS = 30_000;

/**
 * What is told of led transactions of which this instance need not have a row: what initiators announce, and what
 * participants are in doubt about. It is in memory alone, bounded, and decides nothing.
 */
export class Hearsay {
  private readonly heard = new Map<string, Heard>();
  private readonly doubted = new DoubtStore<Doubted>();
  private readonly told = new ToldCallsStore();
  /** Of which there is a row. Of one that is decided a notice that comes late says nothing new. */
  private readonly logged = new Map<string, 'undecided' | 'decided'>();
  private sweptAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly countMax = COUNT_MAX,
  ) {}

  /** Takes note of what an initiator tells: of its transaction what it tells first counts, of its calls what it tells last. */
  note({ branches, branchCount, calls, isOver = false, ...notice }: Notice): void {
    const { gid, secretHash } = notice;
    if (this.logged.get(gid) === 'decided') {
      return;
    }
    const heard = this.heard.get(gid) ?? this.begin(notice);
    if (heard.isOver === true || heard.notice.secretHash !== secretHash) {
      return;
    }
    if (isOver) {
      this.heard.set(gid, { ...heard, isOver });
      this.told.forget(gid);
    } else {
      this.told.keep(gid, { branches, branchCount, calls });
    }
    this.sweep();
  }

  /** Takes note of what a participant asks. */
  doubt(doubt: Doubt): void {
    const { gid, branchId, service, action, kind, nonce, secretHash, epoch } = doubt;
    const askedAt = this.clock.now();
    // Nothing is overdue for longer than its transaction is old, whatever the clock of a participant says.
    const since = Math.max(askedAt - doubt.overdueMs, Math.min(gidTimeMs(gid), askedAt));
    const known = this.doubted.about(gid);
    const heard = known?.heard ?? heardIn(doubt, since);
    const deadlineAt = latest(known?.deadlineAt, toldDeadline(doubt, askedAt));
    const told = { branchId, service, action, kind, nonce, secretHash, epoch };
    const trouble = doubt.trouble === undefined ? undefined : shortened(doubt.trouble);
    const referral = this.doubted.doubtOf(gid, doubt)?.referral;
    this.doubted.keep(gid, { heard, deadlineAt }, { ...told, since, trouble, referral, askedAt });
    this.sweep();
  }

  /** Forgets what was told of a transaction, for it is decided. */
  settle(gid: string): void {
    this.forget(gid);
    this.log(gid, 'decided');
  }

  /** Lists a transaction no more, for there is a row. Until that is decided its initiator knows more of it. */
  register(gid: string): void {
    if (!this.logged.has(gid)) {
      this.log(gid, 'undecided');
    }
  }

  /** Takes note whether a branch is left to people, and why. Returns whether its transaction is stuck by that, and was not before. */
  refer(
    doubt: Pick<Doubt, 'gid' | 'branchId' | 'service' | 'nonce'>,
    referral: Referral | undefined,
  ): boolean {
    const { gid } = doubt;
    if (referral?.stuck === undefined) {
      this.doubted.refer(gid, doubt, referral);
      return false;
    }
    const wasStuck = this.doubted.some(gid, (other) => other.referral?.stuck !== undefined);
    this.doubted.refer(gid, doubt, referral);
    // If there was a row, it is lost.
    this.logged.delete(gid);
    return !wasStuck;
  }

  /** Forgets the doubt about a branch that has been confirmed or undone. */
  end(gid: string, branchId: string): void {
    this.doubted.endBranch(gid, branchId);
  }

  /** Tells whether the initiator of a transaction, or anybody who is in doubt about it, tells of another life of the log. */
  isOfOtherLife({ gid, epoch }: Pick<Doubt, 'gid' | 'epoch'>): boolean {
    const { notice } = this.heardOf(gid) ?? {};
    return (
      (notice !== undefined && notice.epoch !== epoch) ||
      this.doubted.some(gid, (doubt) => doubt.epoch !== epoch)
    );
  }

  /** Returns what the initiator of a transaction has told of it. */
  heardOf(gid: string): Heard | undefined {
    this.sweep();
    return this.heard.get(gid);
  }

  /** Returns the latest deadline that the initiator, or who is in doubt, has told of: nobody decides before it. */
  deadlineOf(gid: string): number | undefined {
    return latest(this.heardOf(gid)?.deadlineAt, this.doubted.about(gid)?.deadlineAt);
  }

  /** Returns what is heard of a transaction, whether there is a row or not. */
  get(gid: string): HearsayEntry | undefined {
    this.sweep();
    const doubted = this.doubted.about(gid);
    const heard = this.heard.get(gid) ?? doubted?.heard;
    if (heard === undefined || (heard.isOver === true && doubted === undefined)) {
      return undefined;
    }
    return { ...heard, calls: this.told.of(gid), doubts: byBranch(this.doubted.of(gid)) };
  }

  /** Returns what is heard of transactions, the newest first, without those of which a row has been seen here. */
  list(): readonly HearsayEntry[] {
    this.sweep();
    const gids = new Set([...this.heard.keys(), ...this.doubted.gids()]);
    return [...gids]
      .filter((gid) => !this.logged.has(gid))
      .toSorted((left, right) => (left < right ? 1 : -1))
      .flatMap((gid) => this.get(gid) ?? []);
  }

  private begin(notice: Heard['notice']): Heard {
    const { gid, timeoutMs } = notice;
    const begunAt = Math.min(gidTimeMs(gid), this.clock.now());
    const heard = { gid, notice, begunAt, deadlineAt: begunAt + timeoutMs };
    this.heard.set(gid, heard);
    return heard;
  }

  private log(gid: string, how: 'undecided' | 'decided'): void {
    this.logged.set(gid, how);
    drop(this.logged, this.countMax);
  }

  private forget(gid: string): void {
    this.heard.delete(gid);
    this.told.forget(gid);
  }

  private sweep(): void {
    drop(this.heard, this.countMax);
    this.doubted.dropDownTo(this.countMax);
    const now = this.clock.now();
    if (Math.abs(now - this.sweptAt) < SWEEP_EVERY_MS) {
      return;
    }
    this.sweptAt = now;
    for (const { gid, deadlineAt } of this.heard.values()) {
      if (deadlineAt + FORGET_AFTER_MS <= now) {
        this.forget(gid);
      }
    }
    this.doubted.sweep(({ askedAt, referral }) => {
      const afterMs = referral === undefined ? FORGET_AFTER_MS : FORGET_REFERRED_AFTER_MS;
      return askedAt + afterMs <= now;
    });
  }
}

function heardIn({ gid, secretHash, epoch, initiator }: Doubt, since: number): Heard {
  const begunAt = Math.min(gidTimeMs(gid), since);
  const timeoutMs = Math.max(1, Math.round(since - begunAt));
  const notice = { gid, name: UNNAMED, initiator, epoch, timeoutMs, secretHash };
  return { gid, notice, begunAt, deadlineAt: since };
}

function toldDeadline({ gid, timeoutMs }: Doubt, askedAt: number): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(gidTimeMs(gid), askedAt) + timeoutMs;
}

function latest(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}

/** Returns the beginning of a text, and does not keep the whole of it alive. */
function shortened(text: string): string {
  return Buffer.from(text.slice(0, TROUBLE_CHARS_MAX)).toString();
}

/** The name of a transaction of which only its participants have told. */
export const UNNAMED = 'unknown';

/** Drops what came first until `countMax` are left. */
function drop(from: Map<string, unknown>, countMax: number): void {
  for (const gid of from.keys()) {
    if (from.size <= countMax) {
      return;
    }
    from.delete(gid);
  }
}
