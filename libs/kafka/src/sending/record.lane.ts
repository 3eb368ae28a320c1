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
    let bytes = 0;
    const turnAt = this.queue[0]?.turnAt;
    const fitting = this.queue.slice(0, RECORD_COUNT_MAX).findIndex((waiting, position) => {
      bytes += sizeOf(waiting.record);
      // What has been tried already goes by itself, for its time is up sooner.
      return position > 0 && (bytes > REQUEST_BYTES_MAX || waiting.turnAt !== turnAt);
    });
    return this.queue.splice(0, fitting === -1 ? RECORD_COUNT_MAX : fitting);
  }
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = OVERHEAD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value ?? '');
  for (const name of Object.keys(headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  }
  return bytes;
}
