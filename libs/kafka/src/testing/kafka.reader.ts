import type { KafkaClient, ReceivedBatch, ReceivedRecord, Subscription } from '../kafka.port.js';

export interface ReaderOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly from?: 'earliest' | 'latest';
  readonly recordCountMax?: number;
  readonly parallelBatchMax?: number;
  /** What to do with a batch, beside taking notice of it. */
  readonly onBatch?: (batch: ReceivedBatch) => Promise<void>;
}

/** A member of a group that takes notice of all it is told. */
export class KafkaReader {
  readonly batches: ReceivedBatch[] = [];
  readonly troubles: unknown[] = [];
  assignment: ReadonlyMap<string, readonly number[]> = new Map();
  isMember = false;
  private subscription: Subscription | undefined;
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly options: ReaderOptions) {}

  static async join(client: KafkaClient, options: ReaderOptions): Promise<KafkaReader> {
    const reader = new KafkaReader(options);
    const { groupId, topics, from = 'earliest', recordCountMax, parallelBatchMax } = options;
    reader.subscription = await client.subscribe({
      groupId,
      topics,
      from,
      recordCountMax,
      parallelBatchMax,
      onBatch: async (batch) => reader.take(batch),
      onAssignment: (partitions) => {
        reader.assignment = partitions;
        reader.notice();
      },
      onMembership: (isMember) => {
        reader.isMember = isMember;
        reader.notice();
      },
      onTrouble: (error) => {
        reader.troubles.push(error);
        reader.notice();
      },
    });
    return reader;
  }

  get records(): readonly ReceivedRecord[] {
    return this.batches.flatMap(({ records }) => records);
  }

  get values(): readonly (string | undefined)[] {
    return this.records.map(({ value }) => value);
  }

  /** How many partitions it holds. */
  get heldCount(): number {
    return [...this.assignment.values()].flat().length;
  }

  /** Waits until this holds; asks whenever it was told something. */
  async until(isSo: (reader: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      // oxlint-disable-next-line no-await-in-loop -- a wait
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
      });
    }
  }

  async close(): Promise<void> {
    await this.subscription?.close();
  }

  private async take(batch: ReceivedBatch): Promise<void> {
    this.batches.push(batch);
    this.notice();
    await this.options.onBatch?.(batch);
  }

  private notice(): void {
    const woken = [...this.waiting];
    this.waiting.clear();
    woken.forEach((wake) => wake());
  }
}

/** A door for those who wait. */
export class Door {
  readonly passage: Promise<void>;
  private settle: (() => void) | undefined;

  constructor() {
    this.passage = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  open(): void {
    this.settle?.();
  }
}
