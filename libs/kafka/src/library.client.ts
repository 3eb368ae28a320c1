import { GroupMember } from './consuming/group.member.js';
import { askError, KafkaClosedError, KafkaTopicError } from './kafka.error.js';
import type {
  KafkaClient,
  KafkaConnection,
  OutgoingRecord,
  Subscription,
  SubscriptionOptions,
  TopicSettings,
} from './kafka.port.js';
import type { KafkaLibrary } from './library.port.js';
import { ADMIN_TIMEOUT_MS } from './limits.js';
import { RecordPlacing } from './sending/record.placing.js';
import { calling } from './sending/send.call.js';
import { SendLanes } from './sending/send.lanes.js';
import { topicCommands } from './topic.commands.js';
import { TopicCounts } from './topic.counts.js';
import { within } from './within.js';

/** A client over a library. */
export class LibraryClient implements KafkaClient {
  private readonly counts: TopicCounts;
  private readonly lanes: SendLanes;
  private readonly placing: RecordPlacing;
  private readonly members = new Set<GroupMember>();
  private closing: Promise<void> | undefined;
  private hasSentAll = false;

  constructor(
    private readonly library: KafkaLibrary,
    readonly brokers: KafkaConnection['brokers'],
  ) {
    const counts = new TopicCounts(async (topics) => library.partitionCounts(topics));
    this.counts = counts;
    this.lanes = new SendLanes({
      library,
      onNoTopic: (topics) => counts.forget(topics.filter((topic) => !counts.isNews(topic))),
    });
    this.placing = new RecordPlacing({
      counts,
      failureOf: (error) => library.failureOf(error),
      onPlaced: (waiting) => this.lanes.push(waiting),
    });
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    // Until the last batch is dealt with: its answers have to leave.
    if (this.hasSentAll) {
      throw new KafkaClosedError();
    }
    await calling(records, (waiting) => this.placing.push(waiting));
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
    this.counts.forget(missing.map(({ name }) => name));
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
    this.hasSentAll = true;
    await this.placing.settled();
    await this.lanes.settled();
    await this.library.close();
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
