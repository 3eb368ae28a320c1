import type { Subscription, SubscriptionOptions } from '../kafka.port.js';
import type { KafkaLibrary, Membership } from '../library.port.js';
import { RESTART_PAUSE_MS } from '../limits.js';
import { GroupWork } from './group.work.js';

/** A member of a group, whose consumer is made anew whenever it has failed. */
export class GroupMember implements Subscription {
  private readonly work: GroupWork;
  private readonly stopped: Promise<void>;
  private readonly running: Promise<void>;
  private stop: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly library: KafkaLibrary,
    private readonly options: SubscriptionOptions,
  ) {
    this.work = new GroupWork(options);
    this.stopped = new Promise((resolve) => {
      this.stop = resolve;
    });
    this.running = this.supervise();
  }

  async close(): Promise<void> {
    this.closing ??= this.leave();
    await this.closing;
  }

  private async leave(): Promise<void> {
    // While it is still a member, so that it may commit.
    await this.work.close();
    this.stop?.();
    await this.running;
  }

  private async supervise(): Promise<void> {
    const { library, options, stopped, work } = this;
    const membership: Membership = { memberId: null };
    while (!work.isClosing) {
      // oxlint-disable no-await-in-loop -- one consumer after the other
      try {
        if (await this.hasTopics()) {
          await library.consume({ options, work, stopped, membership });
        }
      } catch (error) {
        work.trouble(error);
      }
      work.hold(new Map());
      await work.pauses.pause(RESTART_PAUSE_MS);
      // oxlint-enable no-await-in-loop
    }
  }

  private async hasTopics(): Promise<boolean> {
    const { topics } = this.options;
    const counts = await this.library.partitionCounts(topics);
    const missing = topics.filter((topic) => !counts.has(topic));
    if (missing.length > 0) {
      this.work.trouble(new Error(`Kafka has no topic ${missing.join(', ')} to read from.`));
    }
    return missing.length === 0;
  }
}
