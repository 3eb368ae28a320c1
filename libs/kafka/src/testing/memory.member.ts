import type { ReceivedBatch, Subscription, SubscriptionOptions } from '../kafka.port.js';
import { firstOf, Signal } from './memory.clock.js';
import type { MemoryGroup } from './memory.group.js';
import type { MemoryFaults, MemoryKafka } from './memory.kafka.js';
import { MemoryLine } from './memory.line.js';
import type { MemoryPartition } from './memory.partition.js';

type Assignment = ReadonlyMap<string, readonly number[]>;

const RECORD_COUNT_MAX = 500;

/** A batch that was rejected comes again after this. */
const PAUSE_MS = 100;

interface MemberPlace {
  readonly kafka: MemoryKafka;
  readonly group: MemoryGroup;
  readonly faults: () => MemoryFaults;
}

/** A member of a group, with a line of work for each partition that it holds. */
export class MemoryMember implements Subscription {
  readonly topics: readonly string[];
  private readonly changed = new Signal();
  /** Of each partition ever held: the next one waits for the batch of the one before. */
  private readonly lines = new Map<MemoryPartition, Promise<void>>();
  private held: Assignment = new Map();
  private generation = 0;
  private isMember = false;
  private isClosing = false;
  private isDead = false;

  constructor(
    private readonly place: MemberPlace,
    private readonly options: SubscriptionOptions,
  ) {
    this.topics = options.topics;
  }

  /**
   * Is called by the group at each rebalance, with nothing when it has put the member out. Who notices late goes on with what it had, and
   * commits in vain.
   */
  hold(generation: number, held?: Assignment): void {
    const { kafka, faults } = this.place;
    const ms = faults().delayMs?.('notice') ?? 0;
    if (ms > 0) {
      kafka.clock.setTimer(ms, () => this.notice(generation, held));
    } else {
      this.notice(generation, held);
    }
  }

  /** Comes back to a group that has put it out. */
  rejoin(): void {
    if (!this.isDead && !this.isClosing) {
      this.place.group.join(this);
    }
  }

  private notice(generation: number, assigned: Assignment | undefined): void {
    if (generation < this.generation) {
      return;
    }
    const held = assigned ?? new Map<string, readonly number[]>();
    const isNews = describe(held) !== describe(this.held);
    this.generation = generation;
    this.held = held;
    this.changed.fire();
    if (this.isDead) {
      return;
    }
    if (isNews) {
      this.options.onAssignment?.(held);
    }
    this.tellMembership(assigned !== undefined);
    const { kafka } = this.place;
    for (const [topic, partitions] of held) {
      partitions.forEach((partition) => this.startLine(kafka.partition(topic, partition), generation));
    }
  }

  private tellMembership(isMember: boolean): void {
    if (isMember !== this.isMember) {
      this.isMember = isMember;
      this.options.onMembership?.(isMember);
    }
  }

  async close(): Promise<void> {
    this.isClosing = true;
    this.changed.fire();
    await Promise.all(this.lines.values());
    this.place.group.leave(this);
  }

  /** Ends as if its process were killed: what it is at goes nowhere. */
  die(): void {
    this.isDead = true;
    this.changed.fire();
  }

  private startLine(partition: MemoryPartition, generation: number): void {
    const former = this.lines.get(partition) ?? Promise.resolve();
    this.lines.set(
      partition,
      former.then(async () => this.work(partition, generation)),
    );
  }

  private async work(partition: MemoryPartition, generation: number): Promise<void> {
    const { from, recordCountMax = RECORD_COUNT_MAX, parallelBatchMax = 1 } = this.options;
    const fresh = from === 'earliest' ? partition.begin : partition.end;
    const { topic, partition: number } = partition;
    const line = new MemoryLine(this.place.group.offsetOf(topic, number) ?? fresh, {
      deal: async (records) => this.dealUntilDone({ topic, partition: number, records }, generation),
      commit: async (offset) => this.commit({ topic, partition: number, offset }, generation),
    });
    while (this.mayGoOn(generation)) {
      const room = line.runningCount < parallelBatchMax ? recordCountMax - line.recordCount : 0;
      const records = room > 0 ? partition.read(line.next, room) : [];
      if (records.length > 0) {
        line.begin(records);
      } else {
        // oxlint-disable-next-line no-await-in-loop -- until there is something to begin
        await firstOf([partition.appended, this.changed, line.ended]);
      }
    }
    await line.idle();
  }

  private async dealUntilDone(batch: ReceivedBatch, generation: number): Promise<boolean> {
    let isDone = false;
    while (!isDone && this.mayGoOn(generation)) {
      // oxlint-disable-next-line no-await-in-loop -- the same again until it is done
      isDone = await this.deal(batch);
    }
    return isDone;
  }

  private mayGoOn(generation: number): boolean {
    return !this.isClosing && !this.isDead && generation === this.generation;
  }

  private async deal(batch: ReceivedBatch): Promise<boolean> {
    const { kafka, faults } = this.place;
    await kafka.delay('deliver', faults());
    try {
      await this.options.onBatch(batch);
      return true;
    } catch (error) {
      if (!this.isDead) {
        this.options.onTrouble?.(error);
      }
      await firstOf([this.changed], { clock: kafka.clock, ms: PAUSE_MS });
      return false;
    }
  }

  private async commit(
    progress: { readonly topic: string; readonly partition: number; readonly offset: bigint },
    generation: number,
  ): Promise<void> {
    const { kafka, group, faults } = this.place;
    await kafka.delay('commit', faults());
    if (!this.isDead && faults().isCommitLost?.() !== true) {
      group.commit(this, generation, progress);
    }
  }
}

function describe(held: Assignment): string {
  return JSON.stringify([...held].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
