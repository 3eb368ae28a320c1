import type {
  ClusterMetadata,
  ConnectionPool,
  RecordsBatch,
  Consumer,
  GroupAssignment,
} from '@platformatic/kafka';
import type { GroupWork, Place } from '../consuming/group.work.js';
import type { SubscriptionOptions } from '../kafka.port.js';
import { brokerCodes } from './platformatic.errors.js';
import { endOf, recordsOf } from './record.batches.js';

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

export interface FetchingOptions {
  readonly consumer: Consumer;
  readonly pool: ConnectionPool;
  readonly assignments: readonly GroupAssignment[];
  readonly from: SubscriptionOptions['from'];
  readonly work: GroupWork;
  /** Told when it cannot go on. */
  readonly onFailure: (error: Error) => void;
}

const PARTITION_BYTES_MAX = 1_048_576;

/** Where all partitions have enough. */
const FULL_PAUSE_MS = 20;

const FAILURE_PAUSE_MIN_MS = 100;

const FAILURE_PAUSE_MAX_MS = 1_000;

/** More in a row, and the consumer is made anew. */
const FAILURES_MAX = 10;

/** The leader of a partition that has none. */
const NOBODY = -1;

const EARLIEST = -2n;
const LATEST = -1n;

interface Position extends Place {
  offset: bigint;
}

/** Fetches the partitions of one assignment, from each broker that leads some, until it is ended. */
export class PartitionFetching {
  private positions: readonly Position[] = [];
  private readonly loops = new Map<number, Promise<void>>();
  private readonly counts = new Map<string, number>();
  private hasEnded = false;
  private readonly starting: Promise<void>;

  constructor(private readonly options: FetchingOptions) {
    this.starting = this.start();
  }

  /** Takes no more. Resolves when no request is under way. */
  async end(): Promise<void> {
    this.hasEnded = true;
    await this.starting;
    await Promise.all(this.loops.values());
  }

  private async start(): Promise<void> {
    try {
      this.positions = await this.committedPositions();
      await this.fetchFromAll();
    } catch (error) {
      this.giveUp(error);
    }
  }

  private async committedPositions(): Promise<readonly Position[]> {
    const { assignments, consumer } = this.options;
    if (assignments.length === 0) {
      return [];
    }
    const committed = await consumer.listCommittedOffsets({ topics: [...assignments] });
    const positions = assignments.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({
        topic,
        partition,
        offset: committed.get(topic)?.[partition] ?? -1n,
      })),
    );
    await this.reset(positions.filter(({ offset }) => offset < 0n));
    return positions;
  }

  /** Sets positions to where a group without any begins. */
  private async reset(positions: readonly Position[]): Promise<void> {
    if (positions.length > 0) {
      const offsets = await this.offsetsAt(this.options.from === 'earliest' ? EARLIEST : LATEST, positions);
      positions.forEach((position) => {
        position.offset = offsets.get(position.topic)?.[position.partition] ?? position.offset;
      });
    }
  }

  private async offsetsAt(
    timestamp: bigint,
    positions: readonly Position[],
  ): Promise<ReadonlyMap<string, readonly bigint[]>> {
    const partitions: Record<string, number[]> = {};
    positions.forEach(({ topic, partition }) => (partitions[topic] ??= []).push(partition));
    return this.options.consumer.listOffsets({ topics: Object.keys(partitions), partitions, timestamp });
  }

  private async fetchFromAll(): Promise<void> {
    const metadata = await this.metadata();
    const leaders = new Set(this.positions.map((position) => leaderOf(metadata, position)));
    for (const node of leaders) {
      // While a partition has no leader, somebody has to look for one: the loop of nobody.
      if (!this.loops.has(node) && !this.hasEnded) {
        this.loops.set(
          node,
          this.fetchFrom(node).finally(() => this.loops.delete(node)),
        );
      }
    }
  }

  private async metadata(): Promise<ClusterMetadata> {
    return this.options.consumer.metadata({ topics: this.options.assignments.map(({ topic }) => topic) });
  }

  private async fetchFrom(node: number): Promise<void> {
    let failureCount = 0;
    while (!this.hasEnded) {
      // oxlint-disable no-await-in-loop -- one request after the other
      try {
        if (!(await this.fetchOnce(node))) {
          await this.fetchFromAll();
          return;
        }
        failureCount = 0;
      } catch (error) {
        failureCount += 1;
        await this.recover(error, failureCount);
      }
      // oxlint-enable no-await-in-loop
    }
  }

  /** Returns false if this broker leads none of our partitions any more. */
  private async fetchOnce(node: number): Promise<boolean> {
    const { consumer, pool, work } = this.options;
    const metadata = await this.metadata();
    this.checkCounts(metadata);
    const led = this.positions.filter((position) => leaderOf(metadata, position) === node);
    const wanted = led.filter((position) => !work.isFull(position));
    if (node === NOBODY) {
      consumer.clearMetadata();
      await work.pauses.pause(FAILURE_PAUSE_MIN_MS);
    } else if (led.length > 0 && wanted.length === 0) {
      await work.pauses.pause(FULL_PAUSE_MS);
    } else if (wanted.length > 0) {
      const topics = wanted.map((position) => ({
        topicId: metadata.topics.get(position.topic)?.id ?? '',
        partitions: [
          {
            partition: position.partition,
            fetchOffset: position.offset,
            partitionMaxBytes: PARTITION_BYTES_MAX,
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
          },
        ],
      }));
      this.take(await consumer.fetch({ node, topics, connectionPool: pool }), metadata);
    }
    await this.fetchFromOthers(metadata);
    return led.length > 0;
  }

  /** Who has joined before a topic grew has to join again: the library does not notice. */
  private checkCounts(metadata: ClusterMetadata): void {
    for (const [topic, { partitionsCount }] of metadata.topics) {
      const known = this.counts.get(topic) ?? partitionsCount;
      this.counts.set(topic, known);
      if (partitionsCount > known) {
        this.giveUp(new Error(`The topic ${topic} has got more partitions.`));
      }
    }
  }

  /** Where partitions have moved to a broker that none were fetched from. */
  private async fetchFromOthers(metadata: ClusterMetadata): Promise<void> {
    if (this.positions.some((position) => !this.loops.has(leaderOf(metadata, position)))) {
      await this.fetchFromAll();
    }
  }

  private take(response: FetchResponse, metadata: ClusterMetadata): void {
    for (const { topicId, partitions } of response.responses) {
      for (const { partitionIndex, records = [] } of partitions) {
        const position = this.positions.find(
          ({ topic, partition }) =>
            partition === partitionIndex && metadata.topics.get(topic)?.id === topicId,
        );
        if (position !== undefined && !this.hasEnded) {
          this.advance(position, records);
        }
      }
    }
  }

  private advance(position: Position, batches: readonly RecordsBatch[]): void {
    const { topic, partition, offset } = position;
    // The first batch may begin before what was asked for.
    const records = recordsOf({ topic, partition }, batches).filter((record) => record.offset >= offset);
    if (this.options.work.push({ topic, partition }, records)) {
      position.offset = endOf(batches) ?? offset;
    }
  }

  private async recover(error: unknown, failureCount: number): Promise<void> {
    const { consumer, work } = this.options;
    if (this.hasEnded) {
      return;
    }
    if (failureCount > FAILURES_MAX) {
      this.giveUp(error);
      return;
    }
    work.trouble(error);
    consumer.clearMetadata();
    if (brokerCodes(error).includes('OFFSET_OUT_OF_RANGE')) {
      await this.resetLost();
    }
    await work.pauses.pause(Math.min(FAILURE_PAUSE_MAX_MS, FAILURE_PAUSE_MIN_MS * 2 ** failureCount));
  }

  /** What is committed is not there any more, or not yet: the topic was truncated, or made anew. */
  private async resetLost(): Promise<void> {
    try {
      await this.resetOutside();
    } catch (error) {
      this.options.work.trouble(error);
    }
  }

  private async resetOutside(): Promise<void> {
    const [first, next] = await Promise.all([
      this.offsetsAt(EARLIEST, this.positions),
      this.offsetsAt(LATEST, this.positions),
    ]);
    await this.reset(
      this.positions.filter(({ topic, partition, offset }) => {
        const [begin = 0n, end = offset] = [first.get(topic)?.[partition], next.get(topic)?.[partition]];
        return offset < begin || offset > end;
      }),
    );
  }

  private giveUp(error: unknown): void {
    if (!this.hasEnded) {
      this.hasEnded = true;
      this.options.onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function leaderOf(metadata: ClusterMetadata, { topic, partition }: Place): number {
  return metadata.topics.get(topic)?.partitions[partition]?.leader ?? NOBODY;
}
