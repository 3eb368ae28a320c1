import type { BranchCommand } from '@atone/protocol';
import type { SendAttempt } from './branch.call.js';

/** Has calls go over Kafka. `@atone/participant/kafka` has one. */
export interface KafkaCalls {
  /** Whether services are called over Kafka that take requests as well. */
  readonly isPreferred: boolean;
  /** Whether an answer would be heard at this moment. */
  readonly isReady: boolean;
  /** Begins to hear of answers, in the background. The first call does so as well, and waits for it. */
  open(): void;
  /** Tells whether commands are sent to `topic`: nobody may have them written wherever he likes. */
  reaches(topic: string): boolean;
  /**
   * Waits until the command would leave at once and its answer would be heard, and returns what sends it. What that sends is
   * waited for no longer than `replyTimeoutMs`.
   *
   * @throws MisuseError for what has to be configured. @throws Error when this takes longer than `replyTimeoutMs`.
   */
  route(command: BranchCommand, way: KafkaRoute): Promise<SendAttempt>;
  /** Hears of no more answers. What waits for one is told that nobody knows. */
  close(): Promise<void>;
}

export interface KafkaRoute {
  readonly topic: string;
  readonly replyTimeoutMs: number;
}
