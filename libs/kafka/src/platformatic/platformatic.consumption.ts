import { Consumer, ConnectionPool, type BaseOptions, type GroupAssignment } from '@platformatic/kafka';
import type { Progress } from '../consuming/offset.committer.js';
import type { Consumption } from '../library.port.js';
import {
  FETCH_WAIT_MS,
  HEARTBEAT_MS,
  LEAVE_TIMEOUT_MS,
  METADATA_AGE_MS,
  REBALANCE_TIMEOUT_MS,
  SESSION_TIMEOUT_MS,
} from '../limits.js';
import { within } from '../within.js';
import { PartitionFetching } from './partition.fetching.js';

/**
 * Consumes through `@platformatic/kafka`.
 *
 * It fetches by itself, with the library's requests, rather than from the library's stream, which ends for good at the first error
 * and cannot leave out a partition that has enough.
 */
export class PlatformaticConsumption {
  private readonly consumer: Consumer;
  /** Of its own, for heartbeats and commits would wait behind a fetch that waits for records. */
  private readonly pool: ConnectionPool;
  private fetching: PartitionFetching | undefined;
  private fail: (error: Error) => void = () => undefined;

  constructor(
    config: BaseOptions,
    private readonly consumption: Consumption,
  ) {
    this.consumer = new Consumer({
      ...config,
      // A member that is new is first told its id, as an error; with tries that takes two seconds. What fails is tried again here.
      retries: 0,
      groupId: consumption.options.groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      // A request to join is answered when all others have joined.
      requestTimeout: REBALANCE_TIMEOUT_MS + 5_000,
      maxWaitTime: FETCH_WAIT_MS,
      metadataMaxAge: METADATA_AGE_MS,
      autocommit: false,
    });
    this.pool = new ConnectionPool(config.clientId, { ...config, requestTimeout: 5_000 });
  }

  /** Consumes until it is stopped. @throws what went wrong */
  async run(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.fail = reject;
    });
    this.listen();
    try {
      await Promise.race([this.join(), failed, this.consumption.stopped]);
    } finally {
      await this.leave();
    }
  }

  private async join(): Promise<void> {
    const { membership, options, stopped } = this.consumption;
    this.consumer.memberId = membership.memberId;
    this.consumer.topics.trackAll(...options.topics);
    await this.consumer.joinGroup({});
    await stopped;
  }

  private listen(): void {
    this.consumer.on('error', (error: Error) => this.fail(error));
    this.consumer.on('consumer:group:join', ({ assignments = [] }) => this.begin(assignments));
    this.consumer.on('consumer:heartbeat:end', () => this.consumption.work.answered());
    // It was the last one: the library sends no more behind one that failed. The group would give up a member that reads on.
    this.consumer.on('consumer:heartbeat:error', ({ error }) => this.fail(error));
  }

  /** Begins anew with what a rebalance gave. */
  private begin(assignments: readonly GroupAssignment[]): void {
    const { options, work } = this.consumption;
    void this.fetching?.end();
    work.hold(new Map(assignments.map(({ topic, partitions }) => [topic, partitions])), {
      commit: async (progress) => this.commit(progress),
    });
    this.fetching = new PartitionFetching({
      consumer: this.consumer,
      pool: this.pool,
      assignments,
      from: options.from,
      work,
      onFailure: (error) => this.fail(error),
    });
  }

  private async commit(progress: readonly Progress[]): Promise<void> {
    await this.consumer.commit({ offsets: progress.map((done) => ({ ...done, leaderEpoch: -1 })) });
  }

  private async leave(): Promise<void> {
    const { membership } = this.consumption;
    const fetchingEnd = this.fetching?.end();
    membership.memberId = this.consumer.memberId;
    try {
      await within(LEAVE_TIMEOUT_MS, this.consumer.close(), () => new Error('no answer in time'));
      membership.memberId = null;
    } catch {
      // Where it cannot tell the broker, it has to go without, or it would keep its connections.
      this.consumer.memberId = null;
      await this.consumer.close().catch(() => undefined);
    }
    await this.pool.close();
    await fetchingEnd;
  }
}
