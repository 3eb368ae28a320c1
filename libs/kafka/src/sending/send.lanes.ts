import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaLibrary, PlacedRecord } from '../library.port.js';
import type { SendFailure } from '../kafka.error.js';
import { SEND_TIMEOUT_MS, STORE_TIMEOUT_MS } from '../limits.js';
import { within } from '../within.js';
import { RecordLane } from './record.lane.js';
import { fail, succeed, type Waiting } from './send.call.js';

/** Later no try begins, so that it ends about when the caller gives up. */
const LAST_TRY_MS = SEND_TIMEOUT_MS - STORE_TIMEOUT_MS / 2;

/** After the first try of a partition that is apart; it doubles. */
const PAUSE_MIN_MS = 100;

const PAUSE_MAX_MS = 800;

/** A topic that is still missing after this pause is. */
const NEW_TOPIC_PAUSE_MS = 400;

type Placed = Waiting<PlacedRecord>;

/** What became of a try that has not stored all. */
interface Trouble {
  readonly failure: SendFailure;
  readonly cause: unknown;
  /** Those that are not known to be stored. */
  readonly left: readonly Placed[];
}

export interface SendLanesOptions {
  readonly library: Pick<KafkaLibrary, 'store' | 'storedDespite' | 'failureOf'>;
  /** Told of topics that are not there any more. */
  readonly onNoTopic: (topics: readonly string[]) => void;
}

/**
 * Has all partitions share their requests, but for those in trouble: each of these is sent apart, with tries and time of its own, until it
 * works. So a partition that stores nothing holds up no other, and what is stored is not sent again and again beside it.
 */
export class SendLanes {
  private readonly shared = new RecordLane<PlacedRecord>(async (batch) => this.storeTogether(batch));
  private readonly apart = new Map<string, RecordLane<PlacedRecord>>();

  constructor(private readonly options: SendLanesOptions) {}

  push(waiting: readonly Placed[]): void {
    if (this.apart.size === 0) {
      this.shared.push(waiting);
    } else {
      waiting.forEach((one) => (this.apart.get(keyOf(one)) ?? this.shared).push([one]));
    }
  }

  /** Waits for all that was taken. */
  async settled(): Promise<void> {
    for (let working = this.working(); working.length > 0; working = this.working()) {
      // oxlint-disable-next-line no-await-in-loop -- records may go from one lane to another
      await Promise.all(working);
    }
  }

  private working(): readonly Promise<void>[] {
    return [this.shared, ...this.apart.values()].flatMap(({ working }) => working ?? []);
  }

  private async storeTogether(batch: readonly Placed[]): Promise<void> {
    const trouble = await this.attempt(batch);
    if (trouble !== undefined) {
      this.setApart(trouble.left);
    }
  }

  /** Gives each of these partitions a lane of its own, to which what waits goes along. */
  private setApart(left: readonly Placed[]): void {
    const keys = new Set(left.map(keyOf));
    const behind = this.shared.pull((waiting) => keys.has(keyOf(waiting)));
    keys.forEach((key) => {
      this.apart.set(key, new RecordLane<PlacedRecord>(async (batch) => this.storeApart(key, batch)));
    });
    this.push([...left, ...behind]);
  }

  private async storeApart(key: string, batch: readonly Placed[]): Promise<void> {
    const isWell = await this.storeInTime(batch);
    const lane = this.apart.get(key);
    if (isWell && lane !== undefined) {
      this.apart.delete(key);
      this.shared.push(lane.pull(() => true));
    }
  }

  /**
   * Tries again while there is time. The libraries are told not to: theirs would go on when the caller has been told to give up, and
   * store a record behind what came later.
   *
   * @returns whether the partition works
   */
  private async storeInTime(batch: readonly Placed[]): Promise<boolean> {
    let left = batch;
    for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(PAUSE_MAX_MS, 2 * pauseMs)) {
      // oxlint-disable no-await-in-loop -- one try after the other
      const trouble = await this.attempt(left);
      if (trouble === undefined) {
        return true;
      }
      left = trouble.left;
      const mayChange = trouble.failure === 'unreachable' || isNewTopic(trouble, pauseMs);
      if (!mayChange) {
        return this.storeInHalves(left, trouble);
      }
      if (timeSince(left) + pauseMs > LAST_TRY_MS) {
        fail(left, trouble.failure, trouble.cause);
        return false;
      }
      await delay(pauseMs);
      // oxlint-enable no-await-in-loop
    }
  }

  /** A record that is refused harms no other. */
  private async storeInHalves(batch: readonly Placed[], { failure, cause }: Trouble): Promise<boolean> {
    if (batch.length === 1 || failure === 'no-topic') {
      fail(batch, failure, cause);
      return false;
    }
    const middle = Math.ceil(batch.length / 2);
    await this.storeInTime(batch.slice(0, middle));
    return this.storeInTime(batch.slice(middle));
  }

  /** Tries once. @returns undefined if all is stored */
  private async attempt(batch: readonly Placed[]): Promise<Trouble | undefined> {
    const { library, onNoTopic } = this.options;
    const records = batch.map(({ placed }) => placed);
    const leftMs = Math.max(STORE_TIMEOUT_MS / 2, SEND_TIMEOUT_MS - timeSince(batch));
    try {
      await within(leftMs, library.store(records), () => new Error('no answer in time'));
      succeed(batch);
      return undefined;
    } catch (cause) {
      const failure = library.failureOf(cause);
      const left = leftOf(batch, library.storedDespite(cause));
      if (left.length === 0) {
        return undefined;
      }
      if (failure === 'no-topic') {
        onNoTopic(left.map(({ record }) => record.topic));
      }
      left.forEach((waiting) => (waiting.isMaybeStored ||= failure === 'unreachable'));
      return { failure, cause, left };
    }
  }
}

/** A broker may not have heard yet of a topic that was created just now. */
function isNewTopic({ failure }: Trouble, pauseMs: number): boolean {
  return failure === 'no-topic' && pauseMs < NEW_TOPIC_PAUSE_MS;
}

/** Tells of those that are stored, and returns the others. */
function leftOf(
  batch: readonly Placed[],
  stored: readonly Pick<PlacedRecord, 'topic' | 'partition'>[],
): readonly Placed[] {
  const storedKeys = new Set(stored.map((placed) => `${placed.topic}/${placed.partition}`));
  succeed(batch.filter((waiting) => storedKeys.has(keyOf(waiting))));
  return batch.filter((waiting) => !storedKeys.has(keyOf(waiting)));
}

/** Returns how long it is since the first try of these records, which begins now if there was none. */
function timeSince(batch: readonly Placed[]): number {
  const now = performance.now();
  const turnAt = batch[0]?.turnAt ?? now;
  batch.forEach((waiting) => (waiting.turnAt ??= turnAt));
  return now - turnAt;
}

function keyOf({ placed }: Placed): string {
  return `${placed.topic}/${placed.partition}`;
}
