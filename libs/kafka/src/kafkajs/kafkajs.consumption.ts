import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type IHeaders,
  type Kafka,
  type KafkaConfig,
  type KafkaMessage,
} from 'kafkajs';
import type { GroupWork, Place } from '../consuming/group.work.js';
import type { Progress } from '../consuming/offset.committer.js';
import type { ReceivedRecord } from '../kafka.port.js';
import type { Consumption } from '../library.port.js';
import { within } from '../within.js';
import {
  FETCH_WAIT_MS,
  HEARTBEAT_MS,
  LEAVE_TIMEOUT_MS,
  METADATA_AGE_MS,
  REBALANCE_TIMEOUT_MS,
  SESSION_TIMEOUT_MS,
} from '../limits.js';

/**
 * For about 20 s. A consumer that has crashed cannot come back as the member it was, and waits until the group has given that up.
 */
const RETRIES = 40;

/**
 * Members come and go, and the brokers' own topic of offsets is made for the first member of all; to kafkajs these are errors. What
 * of it lasts makes the consumer crash, and is told then.
 */
const ORDINARY = /rebalanc|group coordinator is not available/iu;

/**
 * Consumes through kafkajs.
 *
 * Its consumer is not let wait for a batch to be dealt with, or a slow one would hold up all partitions of its broker, and the
 * heartbeats.
 */
export async function consumeByKafkajs(
  config: KafkaConfig,
  { options, work, stopped }: Consumption,
): Promise<void> {
  const consumer = kafkaOf(config, work).consumer({
    groupId: options.groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: METADATA_AGE_MS,
  });
  const failed = failureOf(consumer, work);
  const run = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: options.from === 'earliest' });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => take(work, payload),
    });
    await stopped;
  };
  const running = run();
  try {
    await Promise.race([running, failed, stopped]);
  } finally {
    await disconnect(consumer);
    // It may have been about to join, which connects it again.
    void running.catch(() => undefined).then(async () => disconnect(consumer));
  }
}

/** Returns one that has patience, and whose log tells of trouble: where it tries again it tells nobody else. */
function kafkaOf(config: KafkaConfig, work: GroupWork): Kafka {
  return new kafkajs.Kafka({
    ...config,
    retry: { ...config.retry, retries: RETRIES },
    logLevel: kafkajs.logLevel.ERROR,
    logCreator:
      () =>
      ({ log }) => {
        const { message, error } = log as { readonly message: string; readonly error?: unknown };
        const words = typeof error === 'string' ? `${message}: ${error}` : message;
        if (!ORDINARY.test(words)) {
          work.trouble(new Error(words));
        }
      },
  });
}

/** Leaves the group if a broker can be reached; else the group notices by itself. */
async function disconnect(consumer: Consumer): Promise<void> {
  try {
    await within(LEAVE_TIMEOUT_MS, consumer.disconnect(), () => new Error('no answer in time'));
  } catch {
    // It is given up anyway.
  }
}

/** Has `work` follow the consumer's assignments. @returns what rejects when the consumer has to be made anew */
async function failureOf(consumer: Consumer, work: GroupWork): Promise<never> {
  let fetchCount = 0;
  return new Promise((_, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.on(consumer.events.HEARTBEAT, () => work.answered());
    consumer.on(consumer.events.FETCH_START, () => (fetchCount += 1));
    consumer.on(consumer.events.FETCH, () => (fetchCount -= 1));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      work.hold(new Map(Object.entries(payload.memberAssignment)), {
        commit: async (progress) => commit(consumer, progress),
        setPaused: (place, isPaused) => setPaused(consumer, place, isPaused),
      });
      // Among several brokers one fetch may rejoin while another is under way, and what that one brings would be taken for
      // where this begins.
      if (fetchCount > 1) {
        reject(new Error('The group was joined anew while records were fetched.'));
      }
    });
  });
}

function setPaused(consumer: Consumer, { topic, partition }: Place, isPaused: boolean): void {
  try {
    consumer[isPaused ? 'pause' : 'resume']([{ topic, partitions: [partition] }]);
  } catch {
    // It has crashed; the next one begins without pauses.
  }
}

async function commit(consumer: Consumer, progress: readonly Progress[]): Promise<void> {
  await consumer.commitOffsets(
    progress.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset.toString() })),
  );
}

function take(work: GroupWork, payload: EachBatchPayload): void {
  const { topic, partition, messages } = payload.batch;
  const place = { topic, partition };
  const records = messages.map((message) => received(place, message));
  const last = messages.at(-1);
  if (last !== undefined && work.push(place, records)) {
    payload.resolveOffset(last.offset);
  }
}

function received(
  { topic, partition }: Place,
  { offset, key, value, headers, timestamp }: KafkaMessage,
): ReceivedRecord {
  return {
    topic,
    partition,
    offset: BigInt(offset),
    key: key?.toString(),
    value: value?.toString(),
    headers: headers === undefined ? {} : textsOf(headers),
    timestamp: Number(timestamp),
  };
}

/** Without lists in between, and by the method of octets itself: there are several headers to each record. */
function textsOf(headers: IHeaders): Record<string, string> {
  const texts: Record<string, string> = {};
  // oxlint-disable-next-line guard-for-in -- what was read inherits nothing that is listed
  for (const name in headers) {
    const header = headers[name];
    texts[name] = (Array.isArray(header) ? header.at(-1) : header)?.toString() ?? '';
  }
  return texts;
}
