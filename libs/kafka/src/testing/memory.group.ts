import type { MemoryMember } from './memory.member.js';

type Assignment = ReadonlyMap<string, readonly number[]>;

/**
 * A consumer group: who holds which partition, and how far each was read.
 *
 * It is as rough as Kafka may be: at a rebalance all partitions begin anew from what is committed, and who is still at a batch of the
 * time before goes on, but cannot commit it.
 */
export class MemoryGroup {
  private readonly offsets = new Map<string, bigint>();
  private members: readonly MemoryMember[] = [];
  private generation = 0;
  private turn = 0;

  constructor(private readonly partitionCountOf: (topic: string) => number) {}

  join(member: MemoryMember): void {
    this.members = [...this.members, member];
    this.assign();
  }

  leave(member: MemoryMember): void {
    if (this.members.includes(member)) {
      this.members = this.members.filter((other) => other !== member);
      this.assign();
      member.hold(this.generation);
    }
  }

  /** Gives each partition to the next member, as if one had come and gone. */
  rebalance(): void {
    this.turn += 1;
    this.assign();
  }

  /** Assigns anew if somebody reads this topic. */
  noticeTopic(topic: string): void {
    if (this.members.some(({ topics }) => topics.includes(topic))) {
      this.assign();
    }
  }

  /** Returns whether it is stored: only who holds the partition now may say how far it was read. */
  commit(member: MemoryMember, generation: number, progress: Progress): boolean {
    const isCurrent = generation === this.generation && this.members.includes(member);
    if (isCurrent) {
      this.setOffset(progress);
    }
    return isCurrent;
  }

  offsetOf(topic: string, partition: number): bigint | undefined {
    return this.offsets.get(`${topic}/${partition}`);
  }

  /** Has a partition be read from there on. Members notice at the next assignment. */
  setOffset({ topic, partition, offset }: Progress): void {
    this.offsets.set(`${topic}/${partition}`, offset);
  }

  /** Forgets how far a topic was read. */
  forget(topic: string): void {
    for (let partition = 0; partition < this.partitionCountOf(topic); partition += 1) {
      this.offsets.delete(`${topic}/${partition}`);
    }
    this.noticeTopic(topic);
  }

  private assign(): void {
    this.generation += 1;
    this.members
      .map((member) => ({ member, held: this.partitionsOf(member) }))
      .forEach(({ member, held }) => member.hold(this.generation, held));
  }

  private partitionsOf(member: MemoryMember): Assignment {
    const held = new Map<string, readonly number[]>();
    for (const topic of member.topics) {
      const readers = this.members.filter(({ topics }) => topics.includes(topic));
      const mine = Array.from({ length: this.partitionCountOf(topic) }, (_, partition) => partition).filter(
        (partition) => readers[(partition + this.turn) % readers.length] === member,
      );
      if (mine.length > 0) {
        held.set(topic, mine);
      }
    }
    return held;
  }
}

/** The offset of a partition's next record. */
export interface Progress {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}
