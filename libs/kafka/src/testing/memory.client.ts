import { KafkaClosedError } from '../kafka.error.js';
import type {
  KafkaClient,
  OutgoingRecord,
  Subscription,
  SubscriptionOptions,
  TopicSettings,
} from '../kafka.port.js';
import { SendLane } from '../send.lane.js';
import type { MemoryFaults, MemoryKafka } from './memory.kafka.js';
import { MemoryMember } from './memory.member.js';

/** Nobody listens there. */
export const MEMORY_BROKERS: readonly string[] = ['memory:9092'];

/** A client of the broker in memory. */
export class MemoryClient implements KafkaClient {
  readonly brokers = MEMORY_BROKERS;
  private readonly lane = new SendLane(async (records) =>
    this.alive(this.kafka.store(records, this.faults())),
  );
  private readonly members = new Set<MemoryMember>();
  private isClosed = false;
  private isDead = false;

  constructor(
    private readonly kafka: MemoryKafka,
    private readonly faults: () => MemoryFaults,
  ) {}

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    await this.lane.send(records);
  }

  async subscribe(options: SubscriptionOptions): Promise<Subscription> {
    if (this.isClosed) {
      throw new KafkaClosedError();
    }
    const group = this.kafka.group(options.groupId);
    const member = new MemoryMember({ kafka: this.kafka, group, faults: this.faults }, options);
    this.members.add(member);
    group.join(member);
    return member;
  }

  async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = topics.map((topic) => [topic, this.kafka.partitionCount(topic)] as const);
    return this.alive(Promise.resolve(new Map(counts.filter(([, count]) => count > 0))));
  }

  async createTopics(topics: readonly TopicSettings[]): Promise<void> {
    await this.alive(this.kafka.createTopics(topics));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.members].map(async (member) => member.close()));
    await this.lane.close();
  }

  /** Is put out of its groups, as one that was not heard of for too long, and knows nothing of it until it notices. */
  lapse(): void {
    this.members.forEach((member) => this.kafka.expel(member));
  }

  /** Joins its groups again, after it has lapsed. */
  rejoin(): void {
    this.members.forEach((member) => member.rejoin());
  }

  /**
   * Ends as if its process were killed. What it has sent may be stored, what it is at is never committed, and nothing that it was asked
   * settles. Its partitions go to others after `noticedAfterMs`, at once by default.
   */
  kill(noticedAfterMs = 0): void {
    this.isDead = true;
    this.isClosed = true;
    this.members.forEach((member) => member.die());
    const leave = (): void => this.members.forEach((member) => this.kafka.expel(member));
    if (noticedAfterMs > 0) {
      this.kafka.clock.setTimer(noticedAfterMs, leave);
    } else {
      leave();
    }
  }

  private async alive<Answer>(work: Promise<Answer>): Promise<Answer> {
    const outcome = await work.then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    if (this.isDead) {
      return new Promise<Answer>(() => undefined);
    }
    if ('error' in outcome) {
      throw outcome.error;
    }
    return outcome.answer;
  }
}
