import type { OutgoingRecord, ReceivedRecord } from '../kafka.port.js';
import { Signal } from './memory.clock.js';

/** Records in the order in which they were stored. */
export class MemoryPartition {
  /** Fired when there is more to read. */
  readonly appended = new Signal();
  private records: ReceivedRecord[] = [];
  private firstOffset = 0n;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  get begin(): bigint {
    return this.firstOffset;
  }

  get end(): bigint {
    return this.firstOffset + BigInt(this.records.length);
  }

  get all(): readonly ReceivedRecord[] {
    return this.records;
  }

  append({ key, value, headers }: OutgoingRecord, timestamp: number): void {
    const { topic, partition } = this;
    this.records.push({ topic, partition, offset: this.end, key, value, headers: { ...headers }, timestamp });
    this.appended.fire();
  }

  /** Returns what comes from this offset on, or from the first there is. */
  read(from: bigint, countMax: number): readonly ReceivedRecord[] {
    const start = Math.max(0, Number(from - this.firstOffset));
    return this.records.slice(start, start + countMax);
  }

  /** Loses all that is stored. Offsets go on. */
  truncate(): void {
    this.firstOffset = this.end;
    this.records = [];
  }
}
