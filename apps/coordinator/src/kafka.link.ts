import type { Clock } from '@atone/engine';
import { topicCommands, type KafkaClient } from '@atone/kafka';
import { coordinatorTopics, type KafkaTransport } from '@atone/transport-kafka';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { errorFacts } from './error.facts.js';
import { StartError } from './start.error.js';

/** The start waits no longer for brokers: what is reached over HTTP needs none. */
const START_WAIT_MS = 5_000;

const RETRY_PAUSE_MS = 10_000;

/** What brokers that answer say for good. */
const LASTING: ReadonlySet<unknown> = new Set(['KAFKA_TOPIC', 'KAFKA_AUTH']);

export interface KafkaLinkParts {
  /** Undefined where there are no brokers; then there is nothing to do. */
  readonly transport: KafkaTransport | undefined;
  readonly client: KafkaClient | undefined;
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Begins to talk to Kafka, and ends it. Brokers that cannot be reached hold nothing else up: they are tried again for as long as
 * the coordinator runs, and commands for Kafka wait meanwhile.
 */
export class KafkaLink {
  private isStopped = false;
  private wake: (() => void) | undefined;

  constructor(private readonly parts: KafkaLinkParts) {}

  /** @throws {StartError} for topics that are missing, with what an administrator has to run, and for brokers that let nobody in. */
  async open(): Promise<void> {
    if (this.parts.transport === undefined) {
      return;
    }
    const joining = this.join();
    if (!(await this.within(START_WAIT_MS, joining))) {
      void this.joinInTheEnd(joining);
    }
  }

  /** To be called after the transport was closed. */
  async close(): Promise<void> {
    this.isStopped = true;
    this.wake?.();
    await this.parts.client?.close();
  }

  /** Tells whether it has begun. @throws {StartError} as `open` does. */
  private async join(): Promise<boolean> {
    try {
      await this.demandTopics();
      await this.parts.transport?.start();
      return true;
    } catch (error) {
      if (error instanceof StartError) {
        throw error;
      }
      const { code, message } = errorFacts(error);
      if (LASTING.has(code)) {
        throw new StartError(message, { cause: error });
      }
      this.warn(message);
      return false;
    }
  }

  private async joinInTheEnd(first: Promise<boolean>): Promise<void> {
    let joining = first;
    for (;;) {
      // oxlint-disable no-await-in-loop -- one try after the other
      try {
        if (await joining) {
          return;
        }
      } catch (error) {
        // It runs already: what it is asked for over HTTP goes on.
        this.parts.logger.error({ reason: errorFacts(error).message }, 'kafka cannot be used, trying again');
      }
      await this.pause(RETRY_PAUSE_MS);
      if (this.isStopped) {
        return;
      }
      joining = this.join();
      // oxlint-enable no-await-in-loop
    }
  }

  /** Where topics are not to be created, a coordinator that waits for them without a word would look like one that works. */
  private async demandTopics(): Promise<void> {
    const { client, configuration } = this.parts;
    const { kafka } = configuration;
    if (kafka === undefined || kafka.createsTopics || client === undefined) {
      return;
    }
    const topics = coordinatorTopics(kafka.prefix, kafka);
    const known = await client.partitionCounts(topics.map(({ name }) => name));
    const missing = topics.filter(({ name }) => !known.has(name));
    if (missing.length > 0) {
      const names = missing.map(({ name }) => name).join(', ');
      const commands = topicCommands(kafka.connection.brokers, missing).join('\n');
      throw new StartError(
        `Kafka has no topic ${names}, and ATONE_KAFKA_CREATE_TOPICS is false. An administrator has to run:\n${commands}`,
      );
    }
  }

  private async within(timeMs: number, joining: Promise<boolean>): Promise<boolean> {
    try {
      return (await Promise.race([joining, this.pause(timeMs)])) === true;
    } finally {
      this.wake?.();
    }
  }

  private warn(reason: string): void {
    if (!this.isStopped) {
      this.parts.logger.warn({ reason }, 'kafka not reached, trying again');
    }
  }

  private async pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.setTimer(delayMs, resolve);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
