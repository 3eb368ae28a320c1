import type { OutgoingRecord } from '../kafka.port.js';
import type { Waiting } from './send.call.js';

/** Past this a request gains nothing. */
const RECORD_COUNT_MAX = 1_024;

/** All that a request brings to a partition is one batch, of which a broker takes a megabyte by default. */
const REQUEST_BYTES_MAX = 900_000;

/** What a record takes beside its texts, at most. */
const OVERHEAD_BYTES = 64;

/**
 * Has records stored one batch after the other: those of one turn together, and while a batch is under way the next one fills. So
 * records are stored in the order in which they were handed over, and many share a request under load.
 */
export class RecordLane<Kind extends OutgoingRecord = OutgoingRecord> {
  /** Until there is nothing more to do. */
  working: Promise<void> | undefined;
  private queue: Waiting<Kind>[] = [];

  /** @param store settles all that it is given, in whatever way, and does not throw */
  constructor(private readonly store: (batch: readonly Waiting<Kind>[]) => Promise<void>) {}

  push(waiting: readonly Waiting<Kind>[]): void {
    // One after the other: as the arguments of one call they might be too many.
    for (const one of waiting) {
      this.queue.push(one);
    }
    if (this.queue.length > 0) {
      this.working ??= this.work();
    }
  }

  /** Takes away what waits and is wanted elsewhere, in order. */
  pull(isWanted: (waiting: Waiting<Kind>) => boolean): readonly Waiting<Kind>[] {
    const wanted = this.queue.filter((waiting) => isWanted(waiting));
    if (wanted.length > 0) {
      const taken = new Set(wanted);
      this.queue = this.queue.filter((waiting) => !taken.has(waiting));
    }
    return wanted;
  }

  private async work(): Promise<void> {
    // What is added in the same breath goes along.
    await Promise.resolve();
    while (this.queue.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      await this.store(this.takeBatch());
    }
    this.working = undefined;
  }

  private takeBatch(): readonly Waiting<Kind>[] {
    const count = this.fittingCount();
    if (count < this.queue.length) {
      return this.queue.splice(0, count);
    }
    const all = this.queue;
    this.queue = [];
    return all;
  }

  private fittingCount(): number {
    const turnAt = this.queue[0]?.turnAt;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.queue) {
      bytes += sizeOf(waiting.record);
      // What has been tried already goes by itself, for its time is up sooner.
      const isApart = bytes > REQUEST_BYTES_MAX || waiting.turnAt !== turnAt;
      if (count === RECORD_COUNT_MAX || (count > 0 && isApart)) {
        break;
      }
      count += 1;
    }
    return count;
  }
}

/** So many octets a character may take. To count those of many short texts takes longer than the rest. */
const CHARACTER_BYTES_MAX = 3;

/** Returns how large a record is at most. */
function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let characters = key.length;
  // oxlint-disable-next-line guard-for-in -- whatever is listed is sent
  for (const name in headers) {
    characters += name.length + (headers[name]?.length ?? 0);
  }
  return OVERHEAD_BYTES + CHARACTER_BYTES_MAX * characters + Buffer.byteLength(value ?? '');
}
