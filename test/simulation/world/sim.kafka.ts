import type { OutgoingRecord, ReceivedBatch } from '@atone/kafka';
import { MemoryKafka } from '@atone/kafka/testing';
import { commandsTopic, deadTopic, RECORD_HEADERS, repliesTopic, TOPIC_PREFIX } from '@atone/protocol';
import type { BranchCommand } from '@atone/protocol';
import { POISON_HEADER, type KafkaStory } from '../check/kafka.story.js';
import { KafkaCheck } from '../check/kafka.check.js';
import { EPOCH_MS } from './sim.clock.js';
import { KafkaLine } from './kafka.line.js';
import type { Planned } from './scheduler.js';
import type { Life } from './sim.process.js';
import type { World } from './world.js';

export const REPLIES = repliesTopic(TOPIC_PREFIX);

/** A topic that is read, by a group that has one name in production and here. */
interface ReadTopic {
  readonly topic: string;
  readonly groupId: string;
}

/** The brokers that all processes share, and what may become of them. */
export class SimKafka {
  readonly memory: MemoryKafka;
  readonly check: KafkaCheck;
  readonly sessionMs: number;
  private readonly read: readonly ReadTopic[];
  /** Requests that the brokers have yet to carry out, or to answer. */
  private pendingCount = 0;
  private awayUntilMs = 0;
  private readonly cutUntilMs = new Map<string, number>();

  constructor(
    readonly world: World,
    services: readonly string[],
  ) {
    this.sessionMs = world.options.sessionMs ?? 1_000;
    this.check = new KafkaCheck(world.safety, {
      nowMs: () => world.scheduler.nowMs,
      logLife: () => world.log.life,
      nameOf: (gid) => world.nameOfGid(gid),
      report: (violation) => world.report(violation),
    });
    this.memory = new MemoryKafka({
      clock: {
        now: () => Math.floor(world.scheduler.clockMs) + EPOCH_MS,
        setTimer: (delayMs, run) => this.after(delayMs, run),
      },
    });
    this.read = [
      { topic: REPLIES, groupId: `${TOPIC_PREFIX}.coordinators` },
      ...services.map((service) => ({
        topic: commandsTopic(TOPIC_PREFIX, service),
        groupId: `${TOPIC_PREFIX}.${service}`,
      })),
    ];
  }

  /** Creates all topics. */
  async open(): Promise<void> {
    const { partitionCount = 1, coordinatorCount } = this.world.options;
    // A coordinator that holds none of the replies' partitions sends nothing: for ever, if there are too few.
    const replyCount = Math.max(partitionCount, coordinatorCount);
    const dead = { name: deadTopic(TOPIC_PREFIX), partitionCount: 1, replicationFactor: 1 };
    const topics = this.read.map(({ topic: name }) => ({
      name,
      partitionCount: name === REPLIES ? replyCount : partitionCount,
      replicationFactor: 1,
    }));
    await this.memory.createTopics([...topics, dead]);
  }

  lineOf(life: Life, story: KafkaStory): KafkaLine {
    return new KafkaLine(life, this, story);
  }

  /** Whether no record waits for anybody, and no request is under way. */
  get isQuiet(): boolean {
    return this.pendingCount === 0 && this.unread().length === 0;
  }

  /** Returns of each partition the first record that its group is not done with. */
  unread(): readonly string[] {
    return this.read.flatMap((one) => this.unreadOf(one));
  }

  /** Has the brokers do something, whoever has asked for it. */
  after(delayMs: number, run: () => void): Planned {
    this.pendingCount += 1;
    let isPending = true;
    const settle = (): boolean => {
      const wasPending = isPending;
      this.pendingCount -= isPending ? 1 : 0;
      isPending = false;
      return wasPending;
    };
    const planned = this.world.scheduler.after(delayMs, () => {
      if (settle()) {
        this.world.running = undefined;
        run();
      }
    });
    return {
      cancel: () => {
        settle();
        planned.cancel();
      },
    };
  }

  /** For how long a process does not reach the brokers. */
  awayMs(name: string): number {
    const untilMs = Math.max(this.awayUntilMs, this.cutUntilMs.get(name) ?? 0);
    return Math.max(0, untilMs - this.world.scheduler.nowMs);
  }

  /** Takes all brokers away for a while. */
  goAway(forMs: number): void {
    this.awayUntilMs = Math.max(this.awayUntilMs, this.world.scheduler.nowMs + forMs);
  }

  /** Cuts a process off from the brokers. */
  cut(
    { name, kafkaLine }: { readonly name: string; readonly kafkaLine?: KafkaLine | undefined },
    forMs: number,
  ): void {
    this.cutUntilMs.set(name, this.world.scheduler.nowMs + forMs);
    kafkaLine?.keepsSilent(() => this.awayMs(name) > 0);
  }

  /** Moves the partitions of a group, while who had them goes on for a while. */
  rebalance(choice: number): void {
    this.memory.rebalance(this.chosen(choice).groupId);
  }

  /** Has a group read all of its topic again, or nothing of what waits. */
  resetOffsets(choice: number, to: 'begin' | 'end'): void {
    const { topic, groupId } = this.chosen(choice);
    const group = this.memory.group(groupId);
    for (let partition = 0; partition < this.memory.partitionCount(topic); partition += 1) {
      group.setOffset({ topic, partition, offset: this.memory.partition(topic, partition)[to] });
    }
    group.rebalance();
  }

  truncate(choice: number): void {
    this.memory.truncate(this.chosen(choice).topic);
  }

  /** Stores what nobody can read. */
  poison(choice: number, otherChoice: number): void {
    const { topic } = this.chosen(choice);
    const partition = Math.floor(otherChoice * this.memory.partitionCount(topic));
    const poisons = poisonsOf(topic === REPLIES ? 'dev.atone.reply.v1' : 'dev.atone.command.v1');
    const poison = this.world.draws.pick('poison', poisons);
    this.memory
      .partition(topic, partition)
      .append({ topic, key: 'poison', ...poison }, this.memory.clock.now());
  }

  /** The faults end: all reach the brokers, and what was read and not committed comes again. */
  heal(): void {
    this.awayUntilMs = 0;
    this.cutUntilMs.clear();
    for (const { groupId } of this.read) {
      this.memory.rebalance(groupId);
    }
  }

  /** Returns what plans and traces know a record by. */
  nameOf({ headers }: Pick<OutgoingRecord, 'headers'>): string {
    const [gid = '', branchId = '', op = '', round = '0', attempt = '0'] = (
      headers[RECORD_HEADERS.id] ?? 'poison'
    ).split('/');
    const named = {
      gid,
      branchId,
      op: op as BranchCommand['op'],
      round: Number(round),
      attempt: Number(attempt),
    };
    return `${headers[RECORD_HEADERS.type]?.includes('reply') === true ? 'reply' : 'command'} ${this.world.nameOf(named)}`;
  }

  traceHeld(name: string, held: ReadonlyMap<string, readonly number[]>): void {
    if (this.world.isTraced) {
      const partitions = [...held].map(([topic, numbers]) => `${topic}/${numbers.join(' ')}`).join(', ');
      this.world.trace(name, `holds ${partitions || 'no partition'}`);
    }
  }

  traceSent(name: string, records: readonly OutgoingRecord[]): void {
    for (const record of this.world.isTraced ? records : []) {
      const place = record.headers[RECORD_HEADERS.replyTo] ?? `${record.topic}/${record.partition ?? ''}`;
      const isSentOn = RECORD_HEADERS.forwarded in record.headers;
      this.world.trace(name, `${isSentOn ? 'sends on' : 'sends'} ${this.nameOf(record)} by ${place}`);
    }
  }

  traceRead(name: string, { topic, partition, records }: ReceivedBatch): void {
    for (const record of this.world.isTraced ? records : []) {
      this.world.trace(
        name,
        `reads ${this.nameOf(record)} at ${topic}/${partition}, offset ${record.offset}`,
      );
    }
  }

  private chosen(choice: number): ReadTopic {
    return this.read[Math.floor(choice * this.read.length)] as ReadTopic;
  }

  private unreadOf({ topic, groupId }: ReadTopic): readonly string[] {
    const group = this.memory.group(groupId);
    const numbers = Array.from({ length: this.memory.partitionCount(topic) }, (_, number) => number);
    return numbers.flatMap((number) => {
      const partition = this.memory.partition(topic, number);
      const [first] = partition.read(group.offsetOf(topic, number) ?? partition.begin, 1);
      return first === undefined ? [] : [`${topic}/${number}, offset ${first.offset}`];
    });
  }
}

function poisonsOf(type: string): readonly Pick<OutgoingRecord, 'value' | 'headers'>[] {
  const headers = {
    [POISON_HEADER]: 'yes',
    [RECORD_HEADERS.specVersion]: '1.0',
    [RECORD_HEADERS.type]: type,
    [RECORD_HEADERS.replyTo]: `${REPLIES}/0`,
  };
  return [
    { value: 'no JSON', headers },
    { value: '{"gid":7}', headers },
    { value: '{}', headers: { [POISON_HEADER]: 'yes' } },
    { value: `${'['.repeat(200)}${']'.repeat(200)}`, headers },
  ];
}
