import type { Subscription, SubscriptionOptions } from '../kafka.port.js';
import type { Consumption, KafkaLibrary, Membership } from '../library.port.js';
import { RESTART_PAUSE_MS } from '../limits.js';
import { GroupWork } from './group.work.js';

/** A member of a group, whose consumer is made anew whenever it has failed. */
export class GroupMember implements Subscription {
  private readonly work: GroupWork;
  private readonly running: Promise<void>;
  private stop: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly library: KafkaLibrary,
    private readonly options: SubscriptionOptions,
  ) {
    this.work = new GroupWork(options);
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
    const { work } = this;
    const membership: Membership = { memberId: null };
    while (!work.isClosing) {
      // oxlint-disable no-await-in-loop -- one consumer after the other
      const stopped = this.untilStop();
      try {
        if (await this.hasTopics(stopped)) {
          await this.consume({ membership, stopped });
        }
      } catch (error) {
        work.trouble(error);
      }
      work.hold(new Map());
      await work.pauses.pause(RESTART_PAUSE_MS);
      // oxlint-enable no-await-in-loop
    }
  }

  /**
   * Each consumer is given a promise of its own to stop by. What waits for a promise is kept as long as that, so one that lasts as long as the
   * member would keep every consumer that has failed.
   */
  private untilStop(): Promise<void> {
    return new Promise((resolve) => {
      this.stop = resolve;
    });
  }

  private async consume(consumption: Pick<Consumption, 'membership' | 'stopped'>): Promise<void> {
    const { library, options, work } = this;
    if (!work.isClosing) {
      await library.consume({ options, work, ...consumption });
    }
  }

  /** Brokers that hang may take a minute to be given up: who leaves does not wait for that. */
  private async hasTopics(stopped: Promise<void>): Promise<boolean> {
    const { topics } = this.options;
    const counts = await Promise.race([this.library.partitionCounts(topics), stopped]);
    if (counts === undefined) {
      return false;
    }
    const missing = topics.filter((topic) => !counts.has(topic));
    if (missing.length > 0) {
      this.work.trouble(
        new Error(`Kafka has no topic ${missing.join(', ')} to read from, or none that this user may see.`),
      );
    }
    return missing.length === 0;
  }
}
