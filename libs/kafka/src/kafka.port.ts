/** A record that is to be stored. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Decides about the partition where none is named: records with one key stay in order. */
  readonly key: string;
  readonly partition?: number | undefined;
  /** Undefined for a tombstone. */
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record as a consumer gets it. */
export interface ReceivedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | undefined;
  /** Undefined for a tombstone. */
  readonly value: string | undefined;
  /** The last one of each name, as text. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it was stored, or sent, in ms since 1970. */
  readonly timestamp: number;
}

/** Records of one partition, in order. */
export interface ReceivedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly ReceivedRecord[];
}

export interface Subscription {
  /** Takes no more records, waits for what is being dealt with, commits that, and leaves the group. */
  close(): Promise<void>;
}

export interface SubscriptionOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where a group begins that has committed nothing yet. */
  readonly from: 'earliest' | 'latest';
  /** The most records of one batch. Default: 500. */
  readonly recordCountMax?: number | undefined;
  /**
   * The most batches of one partition that are under way at the same time; together they have no more records than one may have. They begin
   * in order; where one is rejected, those behind it may be through before it comes again. Default: 1.
   */
  readonly parallelBatchMax?: number | undefined;
  /**
   * Deals with a batch; those of several partitions are under way at the same time. When it resolves, the batch is done. Its offsets are
   * committed soon, once all before it is done as well; whatever was not committed comes again, here or at another member. When it
   * rejects, the same records come again after a pause.
   */
  readonly onBatch: (batch: ReceivedBatch) => Promise<void>;
  /** Called whenever it changes with all partitions that this member holds, by topic; an empty map while it holds none. */
  readonly onAssignment?: ((partitions: ReadonlyMap<string, readonly number[]>) => void) | undefined;
  /**
   * Called whenever it changes whether this member belongs to its group. A member that holds no partition has none to expect while
   * the others stay.
   */
  readonly onMembership?: ((isMember: boolean) => void) | undefined;
  /**
   * Told of each batch that was rejected, and of trouble with the brokers: the same not more often than every ten seconds. All is tried
   * again, and nothing of it ends the subscription.
   */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
  /** Called when the brokers have answered well for some seconds since the last trouble with them, also where no record comes. */
  readonly onRecovery?: (() => void) | undefined;
}

export interface TopicSettings {
  readonly name: string;
  readonly partitionCount: number;
  /** -1 leaves it to the brokers. */
  readonly replicationFactor: number;
  /** As Kafka names them, such as `retention.ms`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** What Atone needs of Kafka. Behind it stands one client library or another. */
export interface KafkaClient {
  /** Where it reaches Kafka, for whoever has to tell people what to run. */
  readonly brokers: readonly string[];
  /**
   * Stores records; resolves when all in-sync replicas have them. Records of one partition are stored in the order in which
   * they were handed over, also across calls. What is handed over in one turn of the event loop, or while a request is under way, goes by
   * one request, except for partitions in trouble: each of them is tried apart, and holds up no other. A key has the same partition
   * whichever library stands behind.
   *
   * @throws {KafkaSendError} about those that are not known to be stored, within some seconds from when their turn comes. The others of
   *   the same call are stored.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /**
   * Joins a group. It resolves at once; `onAssignment` tells when it has joined, for it waits until there are brokers, and all of its
   * topics. It heals by itself from whatever happens to brokers and connections.
   *
   * At a rebalance all partitions begin anew from what is committed, also those that stay: a batch that is under way then comes
   * again, here after that batch, or at once at another member.
   */
  subscribe(options: SubscriptionOptions): Promise<Subscription>;
  /** Returns how many partitions each of these topics has; those that do not exist are missing. @throws {KafkaUnreachableError} @throws {KafkaAuthError} */
  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /**
   * Creates what does not exist yet, and leaves the rest as it is.
   *
   * @throws {KafkaTopicError} when it may not, with the commands that an administrator has to run
   * @throws {KafkaUnreachableError}
   * @throws {KafkaAuthError}
   */
  createTopics(topics: readonly TopicSettings[]): Promise<void>;
  /** Closes all subscriptions, waits for what is being sent, and lets go of the brokers. */
  close(): Promise<void>;
}

/** How to reach the brokers. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  /** By which the brokers' logs name this process. */
  readonly clientId: string;
  readonly tls?:
    boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
}
