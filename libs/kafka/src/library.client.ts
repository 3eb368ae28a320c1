import { setTimeout as delay } from 'node:timers/promises';
import { GroupMember } from './consuming/group.member.js';
import { askError, KafkaClosedError, KafkaSendError, KafkaTopicError } from './kafka.error.js';
import type {
  KafkaClient,
  KafkaConnection,
  OutgoingRecord,
  Subscription,
  SubscriptionOptions,
  TopicSettings,
} from './kafka.port.js';
import type { KafkaLibrary, PlacedRecord } from './library.port.js';
import { ADMIN_TIMEOUT_MS, SEND_TIMEOUT_MS, STORE_TIMEOUT_MS } from './limits.js';
import { partitionOf } from './partition.choice.js';
import { SendLane } from './send.lane.js';
import { topicCommands } from './topic.commands.js';
import { TopicCounts } from './topic.counts.js';
import { within } from './within.js';

/** Later none begins, so that it ends about when the caller gives up. */
const LAST_TRY_MS = SEND_TIMEOUT_MS - STORE_TIMEOUT_MS / 2;

const TRY_PAUSE_MS = 100;

/** A client over a library. */
export class LibraryClient implements KafkaClient {
  private readonly lane = new SendLane(async (records) => this.store(records));
  private readonly counts: TopicCounts;
  private readonly members = new Set<GroupMember>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly library: KafkaLibrary,
    readonly brokers: KafkaConnection['brokers'],
  ) {
    this.counts = new TopicCounts(async (topics) => library.partitionCounts(topics));
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    await this.lane.send(records);
  }

  async subscribe(options: SubscriptionOptions): Promise<Subscription> {
    this.refuseIfClosed();
    const member = new GroupMember(this.library, options);
    this.members.add(member);
    return member;
  }

  async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    this.refuseIfClosed();
    return this.asking(this.library.partitionCounts(topics));
  }

  async createTopics(topics: readonly TopicSettings[]): Promise<void> {
    const existing = await this.partitionCounts(topics.map(({ name }) => name));
    const missing = topics.filter(({ name }) => !existing.has(name));
    const answers = missing.map(async (topic) => ({
      topic,
      refusal: await this.library.createTopic(topic),
    }));
    const refused = (await this.asking(Promise.all(answers))).filter(({ refusal }) => refusal !== undefined);
    if (refused.length > 0) {
      const wanted = refused.map(({ topic }) => topic);
      throw new KafkaTopicError(
        wanted.map(({ name }) => name),
        topicCommands(this.brokers, wanted),
        { cause: new Error(refused[0]?.refusal) },
      );
    }
  }

  async close(): Promise<void> {
    this.closing ??= this.closeAll();
    await this.closing;
  }

  private async closeAll(): Promise<void> {
    await Promise.all([...this.members].map(async (member) => member.close()));
    await this.lane.close();
    await this.library.close();
  }

  private async store(records: readonly OutgoingRecord[]): Promise<void> {
    try {
      await within(SEND_TIMEOUT_MS, this.place(records), noAnswer);
    } catch (cause) {
      if (cause instanceof KafkaSendError) {
        throw cause;
      }
      const failure = this.library.failureOf(cause);
      if (failure === 'no-topic') {
        this.counts.forget(records.map(({ topic }) => topic));
      }
      throw new KafkaSendError(failure, records, { cause });
    }
  }

  private async place(records: readonly OutgoingRecord[]): Promise<void> {
    const counts = await this.counts.of(records.map(({ topic }) => topic));
    if (records.some(({ topic }) => !counts.has(topic))) {
      throw new KafkaSendError('no-topic', records);
    }
    const placed = records.map((record): PlacedRecord => {
      const count = counts.get(record.topic) ?? 0;
      const partition = partitionOf(record, count);
      if (partition < 0 || partition >= count) {
        throw new KafkaSendError('refused', records, { cause: noPartition(record.topic, partition) });
      }
      return { ...record, partition };
    });
    await this.storeInTime(placed);
  }

  /**
   * Tries again while there is time. The libraries are told not to: theirs would go on when the caller has been told to give up, and
   * store a record behind what came later.
   */
  private async storeInTime(records: readonly PlacedRecord[]): Promise<void> {
    const lastTryAt = performance.now() + LAST_TRY_MS;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        await this.library.store(records);
        return;
      } catch (error) {
        if (this.library.failureOf(error) !== 'unreachable' || performance.now() > lastTryAt) {
          throw error;
        }
      }
      // oxlint-disable-next-line no-await-in-loop
      await delay(TRY_PAUSE_MS);
    }
  }

  private async asking<Answer>(work: Promise<Answer>): Promise<Answer> {
    try {
      return await within(ADMIN_TIMEOUT_MS, work, noAnswer);
    } catch (cause) {
      throw askError(this.brokers, cause);
    }
  }

  private refuseIfClosed(): void {
    if (this.closing !== undefined) {
      throw new KafkaClosedError();
    }
  }
}

function noAnswer(): Error {
  return new Error('no answer in time');
}

function noPartition(topic: string, partition: number): Error {
  return new Error(`${topic} has no partition ${partition}`);
}
