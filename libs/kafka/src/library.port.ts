import type { GroupWork, Place } from './consuming/group.work.js';
import type { SendFailure } from './kafka.error.js';
import type { OutgoingRecord, SubscriptionOptions, TopicSettings } from './kafka.port.js';

/** A record whose partition is known to exist. */
export interface PlacedRecord extends OutgoingRecord {
  readonly partition: number;
}

/** What a client library has to offer; the rest is the same for all. */
export interface KafkaLibrary {
  /**
   * Tries once to store records, by one request for each broker, in the partitions that they name and in no others. Resolves when the brokers
   * have told of each of these that it has them. May throw anything.
   */
  store(records: readonly PlacedRecord[]): Promise<void>;
  /** Returns the partitions of which an error of `store` tells that they have their records all the same. */
  storedDespite(error: unknown): readonly Place[];
  /** Says what an error of `store` means. What is not known for certain may have been stored: `unreachable`. */
  failureOf(error: unknown): SendFailure;
  /** Returns how many partitions the existing ones of these topics have. */
  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Creates a topic. @returns the broker's code if it does not want to */
  createTopic(topic: TopicSettings): Promise<string | undefined>;
  /**
   * Joins a group and feeds `work`, until `stopped` resolves or something goes wrong for good. Has let go of all when it settles.
   *
   * @throws what went wrong
   */
  consume(consumption: Consumption): Promise<void>;
  /** Lets go of the brokers. */
  close(): Promise<void>;
}

export interface Consumption {
  readonly options: SubscriptionOptions;
  readonly work: GroupWork;
  /** It lasts as long as this consumer, so that what waits for it lasts no longer. */
  readonly stopped: Promise<void>;
  /** What a library keeps from one consumer of this member to the next. */
  readonly membership: Membership;
}

export interface Membership {
  /** By which the group knows a member that could not leave. With it, it need not wait until the group has given it up. */
  memberId: string | null;
}
