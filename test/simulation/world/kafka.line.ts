import type {
  KafkaClient,
  OutgoingRecord,
  ReceivedBatch,
  Subscription,
  SubscriptionOptions,
} from '@atone/kafka';
import type { MemoryClient, MemoryFaults, MemoryStep, RequestFate } from '@atone/kafka/testing';
import type { KafkaStory } from '../check/kafka.story.js';
import type { PointFaultKind } from '../plan/fault.js';
import { never, type Life } from './sim.process.js';
import type { SimKafka } from './sim.kafka.js';
import { whenSettled } from './when-settled.js';

/** How long a request to brokers that do not answer takes at most, until the client gives it up. */
const TIMEOUT_MS = 1_000;

/** The longest that brokers take for a request, a commit, or to tell a member of a rebalance. */
const SLOW_MS = 3_000;

/** The longest that records lie at a member before it looks at them. */
const LATE_MS = 10_000;

/** How often a member that was put out of its group tries to come back. */
const COME_BACK_MS = 20;

/** Kafka as one life of a process reaches it: requests fail, answers get lost, and records come late. */
export class KafkaLine implements KafkaClient {
  private readonly inner: MemoryClient;
  private isSilent = false;
  /** By partition: when the batch that came last began. */
  private readonly begun = new Map<string, Promise<void>>();

  constructor(
    private readonly life: Life,
    private readonly kafka: SimKafka,
    private readonly story: KafkaStory,
  ) {
    this.inner = kafka.memory.client(this.faults());
  }

  get brokers(): readonly string[] {
    return this.inner.brokers;
  }

  private get name(): string {
    return this.life.process.name;
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    this.story.sends(records);
    this.kafka.traceSent(this.name, records);
    await this.home(this.inner.send(records));
    this.story.sent(records);
  }

  async subscribe(options: SubscriptionOptions): Promise<Subscription> {
    const inner = await this.inner.subscribe({
      ...options,
      onBatch: async (batch) => this.bring(batch, options),
      onAssignment: (held) => {
        this.life.after(0, () => {
          this.kafka.traceHeld(this.name, held);
          this.story.assigned(held);
          options.onAssignment?.(held);
        });
      },
    });
    return { close: async () => this.home(inner.close()) };
  }

  async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.home(this.inner.partitionCounts(topics));
  }

  async createTopics(): Promise<void> {
    throw new Error('All topics are there from the beginning.');
  }

  async close(): Promise<void> {
    await this.home(this.inner.close());
  }

  /** The process is gone, and its groups notice when it was not heard of for long enough. */
  end(): void {
    this.inner.kill(this.kafka.sessionMs);
  }

  /** Is not heard of for as long as `isAway` says, and put out of its groups if that is too long. */
  keepsSilent(isAway: () => boolean): void {
    this.kafka.after(this.kafka.sessionMs, () => {
      if (!this.life.isOver && isAway()) {
        this.kafka.world.trace(this.name, 'is put out of its groups');
        this.inner.lapse();
        this.comeBack();
      }
    });
  }

  private comeBack(): void {
    this.life.after(COME_BACK_MS, () => {
      if (this.kafka.awayMs(this.name) === 0) {
        this.inner.rejoin();
      } else {
        this.comeBack();
      }
    });
  }

  private async bring(batch: ReceivedBatch, { onBatch }: SubscriptionOptions): Promise<void> {
    await this.arrival(batch);
    const delivery = this.story.delivered(batch);
    this.kafka.traceRead(this.name, batch);
    await new Promise<void>((resolve, reject) => {
      void whenSettled(
        onBatch(batch),
        () => {
          this.story.done(delivery);
          resolve();
        },
        (error) => {
          this.story.refused(delivery);
          this.kafka.world.trace(this.name, `leaves ${batch.topic}/${batch.partition}: ${error.message}`);
          reject(error);
        },
      );
    });
  }

  /** However long each takes, the batches of a partition begin in order. */
  private async arrival({ topic, partition }: ReceivedBatch): Promise<void> {
    const { draws } = this.kafka.world;
    const lateMs = (this.strike('records-late') ?? 0) ** 3 * LATE_MS;
    const wayMs = 0.5 + draws.next(`${this.name} delivery latency`) * 2;
    const former = this.begun.get(`${topic}/${partition}`);
    const begun = new Promise<void>((resolve) => {
      this.life.after(wayMs + lateMs + this.kafka.awayMs(this.name), () => {
        resolve(former);
      });
    });
    this.begun.set(`${topic}/${partition}`, begun);
    await begun;
  }

  /** Has an answer come to the process, in its own time. */
  private async home<Answer>(answer: Promise<Answer>): Promise<Answer> {
    if (this.life.isOver) {
      return never();
    }
    return new Promise<Answer>((resolve, reject) => {
      void whenSettled(
        answer,
        (value) => this.life.after(0, () => resolve(value)),
        (error) => this.life.after(0, () => reject(error)),
      );
    });
  }

  private faults(): MemoryFaults {
    return {
      record: (record) => {
        const point = this.kafka.nameOf(record);
        return this.strike('record-lost', point) !== undefined
          ? 'lost'
          : this.strike('record-twice', point) !== undefined
            ? 'twice'
            : 'stored';
      },
      request: () => this.fateOfRequest(),
      isCommitLost: () => this.kafka.awayMs(this.name) > 0 || this.strike('offset-lost') !== undefined,
      delayMs: (step) => this.delayMs(step),
    };
  }

  private fateOfRequest(): RequestFate {
    const isUnreachable = this.kafka.awayMs(this.name) > 0 || this.strike('produce-lost') !== undefined;
    const isUnanswered = this.strike('produce-unanswered') !== undefined;
    this.isSilent = isUnreachable || isUnanswered;
    return isUnreachable ? 'unreachable' : isUnanswered ? 'unanswered' : 'answered';
  }

  private delayMs(step: MemoryStep): number {
    const chance = this.kafka.world.draws.next(`${this.name} ${step} latency`);
    switch (step) {
      case 'send':
        return 0.3 + chance + (this.strike('produce-slow') ?? 0) * SLOW_MS;
      case 'answer':
        return this.isSilent ? 1 + chance * TIMEOUT_MS : 0;
      case 'deliver':
        return 0;
      case 'commit':
        return 0.3 + chance + (this.strike('offset-late') ?? 0) * SLOW_MS;
      case 'notice':
        return 1 + chance * 20 + (this.strike('rebalance-late') ?? 0) * SLOW_MS;
    }
  }

  private strike(kind: PointFaultKind, point = `${this.name} kafka`): number | undefined {
    return this.kafka.world.fates.strike(kind, point);
  }
}
