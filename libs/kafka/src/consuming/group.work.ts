import type { ReceivedRecord, SubscriptionOptions } from '../kafka.port.js';
import { OffsetCommitter, type Progress } from './offset.committer.js';
import { PartitionLane } from './partition.lane.js';
import { Pauses } from './pause.js';

export type Assignment = ReadonlyMap<string, readonly number[]>;

/** What a client library does for a member. */
export interface GroupPort {
  readonly commit: (progress: readonly Progress[]) => Promise<void>;
  /** Is called when a partition has room again, or has no more. */
  readonly setPaused?: (place: Place, isPaused: boolean) => void;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

const RECORD_COUNT_MAX = 500;

/** A partition is fetched no further while so many batches of it wait. */
const FULL_AT_BATCHES = 4;

const TROUBLE_PAUSE_MS = 10_000;

const TROUBLES_MAX = 100;

/** Where one of several brokers is away, the others answer all the same. */
const RECOVERED_AFTER_MS = 3_000;

/**
 * What a member does with the records that its library fetches: batches of each partition in order, again if they are rejected, and
 * then the commit. It outlives the library's consumer, which may have to be made anew.
 */
export class GroupWork {
  readonly pauses = new Pauses();
  private readonly lanes = new Map<string, PartitionLane>();
  private readonly committer: OffsetCommitter;
  private readonly paused = new Map<string, Place>();
  /** When each was told. */
  private readonly troubles = new Map<string, number>();
  private lastTroubleAt: number | undefined;
  private readonly recordCountMax: number;
  private told = '[]';
  private port: GroupPort | undefined;
  private isMember = false;
  private isLeaving = false;

  constructor(
    private readonly options: SubscriptionOptions,
    private readonly nowMs = () => performance.now(),
  ) {
    this.recordCountMax = options.recordCountMax ?? RECORD_COUNT_MAX;
    this.committer = new OffsetCommitter({
      commit: async (progress) => this.port?.commit(progress),
      onTrouble: (error) => this.trouble(error),
      pauses: this.pauses,
    });
  }

  /**
   * Begins anew with what a rebalance gave. What waits is forgotten, and has to be fetched again from what is committed; what is under
   * way goes on, but its offset is not committed, for another member may have begun with it.
   */
  hold(assignment: Assignment, port?: GroupPort): void {
    this.port = port;
    this.committer.forget();
    // A library keeps what is paused so through a rebalance; nothing waits any more, so nothing else would end that.
    this.paused.forEach((place) => this.setPaused(place, false));
    this.lanes.forEach((lane) => lane.restart());
    this.tell(assignment);
    this.tellMembership(port !== undefined);
  }

  /** Whether it takes nothing more. */
  get isClosing(): boolean {
    return this.isLeaving;
  }

  /** Takes what was fetched. @returns false if nothing more is taken. */
  push(place: Place, records: readonly ReceivedRecord[]): boolean {
    if (this.isLeaving) {
      return false;
    }
    const lane = this.laneOf(place);
    lane.push(records);
    if (this.isFull(place)) {
      this.setPaused(place, true);
    }
    return true;
  }

  /** Whether so much of a partition waits that no more should be fetched. */
  isFull(place: Place): boolean {
    return (this.lanes.get(keyOf(place))?.length ?? 0) >= FULL_AT_BATCHES * this.recordCountMax;
  }

  /** Tells of trouble with the brokers; the same words again only after a while, for they are asked many times a second. */
  trouble(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    const now = this.nowMs();
    this.lastTroubleAt = now;
    if (now - (this.troubles.get(words) ?? -Infinity) >= TROUBLE_PAUSE_MS) {
      if (this.troubles.size >= TROUBLES_MAX) {
        this.troubles.clear();
      }
      this.troubles.set(words, now);
      this.options.onTrouble?.(error);
    }
  }

  /** To be called whenever a broker has answered well. */
  answered(): void {
    const { lastTroubleAt = Infinity } = this;
    if (this.nowMs() - lastTroubleAt >= RECOVERED_AFTER_MS) {
      this.lastTroubleAt = undefined;
      this.options.onRecovery?.();
    }
  }

  /** Waits for what is under way, and commits it. */
  async close(): Promise<void> {
    this.isLeaving = true;
    this.pauses.end();
    await Promise.all([...this.lanes.values()].map(async (lane) => lane.close()));
    await this.committer.close();
  }

  private tell(assignment: Assignment): void {
    const sorted = [...assignment]
      .filter(([, partitions]) => partitions.length > 0)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([topic, partitions]) => [topic, partitions.toSorted((a, b) => a - b)] as const);
    const text = JSON.stringify(sorted);
    if (text !== this.told) {
      this.told = text;
      this.options.onAssignment?.(new Map(sorted));
    }
  }

  private tellMembership(isMember: boolean): void {
    if (isMember !== this.isMember) {
      this.isMember = isMember;
      this.options.onMembership?.(isMember);
    }
  }

  private laneOf(place: Place): PartitionLane {
    const key = keyOf(place);
    const lane = this.lanes.get(key) ?? this.newLane(place);
    this.lanes.set(key, lane);
    return lane;
  }

  private newLane(place: Place): PartitionLane {
    return new PartitionLane(place, {
      recordCountMax: this.recordCountMax,
      parallelBatchMax: this.options.parallelBatchMax ?? 1,
      onBatch: this.options.onBatch,
      onTrouble: (error) => this.options.onTrouble?.(error),
      onProgress: (progress) => {
        this.committer.note(progress);
        if (!this.isFull(place)) {
          this.setPaused(place, false);
        }
      },
      pauses: this.pauses,
    });
  }

  private setPaused(place: Place, isPaused: boolean): void {
    const key = keyOf(place);
    if (this.paused.has(key) === isPaused) {
      return;
    }
    if (isPaused) {
      this.paused.set(key, place);
    } else {
      this.paused.delete(key);
    }
    this.port?.setPaused?.(place, isPaused);
  }
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
