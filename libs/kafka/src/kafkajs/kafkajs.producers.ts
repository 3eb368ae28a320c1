import type { Kafka, Message, TopicMessages } from 'kafkajs';
import type { PlacedRecord } from '../library.port.js';
import { PartlyStoredError, refuseUnanswered } from '../stored.places.js';
import { brokerCodes } from './kafkajs.errors.js';
import { LentProducer } from './lent.producer.js';

/** Of what kafkajs is told about one topic, it takes these for news about all that it has ever sent to. */
const TOPIC_TROUBLES = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'LISTENER_NOT_FOUND',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

/** Not more often is a producer exchanged. */
const AGE_MIN_MS = 1_000;

/**
 * Stores through producers of kafkajs: one for all topics, and one for each topic that is in trouble.
 *
 * A producer never forgets a topic that it has sent to, and asks for all of them at once. One that was deleted, or has no leader, would
 * end all sending: so it is put away, and the topics of its request have producers of their own until they work.
 */
export class KafkajsProducers {
  private common: LentProducer;
  private readonly own = new Map<string, LentProducer>();
  private readonly leaving = new Set<Promise<void>>();

  constructor(private readonly kafka: Kafka) {
    this.common = new LentProducer(kafka);
  }

  /** @throws {PartlyStoredError} when some of it is stored */
  async store(records: readonly PlacedRecord[]): Promise<void> {
    if (this.own.size === 0) {
      await this.storeBy(this.common, records);
      return;
    }
    const shares = this.sharesOf(records);
    const outcomes = await Promise.allSettled(
      shares.map(async ([producer, share]) => this.storeBy(producer, share)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      const stored = outcomes.flatMap(({ status }, position) =>
        status === 'fulfilled' ? (shares[position]?.[1] ?? []) : [],
      );
      throw stored.length === 0 ? failed.reason : new PartlyStoredError(stored, failed.reason);
    }
  }

  async close(): Promise<void> {
    [this.common, ...this.own.values()].forEach((producer) => this.putAway(producer));
    await Promise.all(this.leaving);
  }

  private sharesOf(records: readonly PlacedRecord[]): readonly (readonly [LentProducer, PlacedRecord[]])[] {
    const shares = new Map<LentProducer, PlacedRecord[]>();
    for (const record of records) {
      const producer = this.own.get(record.topic) ?? this.common;
      const share = shares.get(producer) ?? [];
      shares.set(producer, share);
      share.push(record);
    }
    return [...shares];
  }

  private async storeBy(producer: LentProducer, records: readonly PlacedRecord[]): Promise<void> {
    const topicMessages = byTopic(records);
    const topics = topicMessages.map(({ topic }) => topic);
    try {
      const answers = await producer.send(topicMessages);
      // It leaves out without a word what is for a partition that it does not know of yet.
      refuseUnanswered(
        records,
        answers.map(({ topicName, partition }) => ({ topic: topicName, partition })),
      );
    } catch (error) {
      if (error instanceof PartlyStoredError || brokerCodes(error).some((code) => TOPIC_TROUBLES.has(code))) {
        this.setApart(producer, topics);
      }
      throw error;
    }
    topics.forEach((topic) => this.rejoin(topic, producer));
  }

  /** Has these topics go by producers that know nothing yet. */
  private setApart(producer: LentProducer, topics: readonly string[]): void {
    if (producer === this.common) {
      topics.forEach((topic) => this.own.set(topic, this.own.get(topic) ?? new LentProducer(this.kafka)));
      if (producer.ageMs > AGE_MIN_MS) {
        this.common = new LentProducer(this.kafka);
        this.putAway(producer);
      }
    } else if (producer.ageMs > AGE_MIN_MS) {
      topics
        .filter((topic) => this.own.get(topic) === producer)
        .forEach((topic) => this.own.set(topic, new LentProducer(this.kafka)));
      this.putAway(producer);
    }
  }

  /** Has a topic that works go by the producer of all. */
  private rejoin(topic: string, producer: LentProducer): void {
    if (this.own.get(topic) === producer) {
      this.own.delete(topic);
      this.putAway(producer);
    }
  }

  private putAway(producer: LentProducer): void {
    const leaving = producer.putAway().finally(() => this.leaving.delete(leaving));
    this.leaving.add(leaving);
  }
}

function byTopic(records: readonly PlacedRecord[]): TopicMessages[] {
  const messages = new Map<string, Message[]>();
  for (const record of records) {
    const ofTopic = messages.get(record.topic);
    if (ofTopic === undefined) {
      messages.set(record.topic, [messageOf(record)]);
    } else {
      ofTopic.push(messageOf(record));
    }
  }
  return [...messages].map(([topic, ofTopic]) => ({ topic, messages: ofTopic }));
}

function messageOf({ key, value, headers, partition }: PlacedRecord): Message {
  return { key, value: value ?? null, headers, partition };
}
