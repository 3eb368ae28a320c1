import type { OutgoingRecord } from './kafka.port.js';
import { loginAdvice } from './login.refusal.js';
import { topicRefusal } from './topic.refusal.js';

/** What every error of this package has: a stable code, and whether trying again can help. */
export abstract class KafkaError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/**
 * Why records were not stored: a record is larger than the topic takes, the topic does not exist, the broker did not want it
 * for another reason, or nobody knows.
 */
export type SendFailure = 'too-large' | 'no-topic' | 'refused' | 'unreachable';

const ADVICE = {
  'too-large': 'it is larger than the topic takes (max.message.bytes)',
  'no-topic': 'there is no such topic, or none that this user may see',
  refused: 'the broker refused it',
  unreachable: 'no broker answered in time',
} as const satisfies Record<SendFailure, string>;

export interface SendErrorOptions extends ErrorOptions {
  /** Default: where nobody knows why they were not stored. */
  readonly isMaybeStored?: boolean;
}

/** Some records are not known to be stored. The others of the same send are. */
export class KafkaSendError extends KafkaError {
  override readonly name = 'KafkaSendError';
  readonly code = 'KAFKA_SEND';
  readonly retryable: boolean;
  /** Whether some of `records` may be stored all the same: by a try of which nobody knows what became, be it not the last one. */
  readonly isMaybeStored: boolean;

  constructor(
    readonly failure: SendFailure,
    readonly records: readonly OutgoingRecord[],
    options: SendErrorOptions = {},
  ) {
    const { cause, isMaybeStored = failure === 'unreachable' } = options;
    const certainty = isMaybeStored ? 'is not known to be stored' : 'was not stored';
    super(`${subjectOf(records)} ${certainty}: ${ADVICE[failure]}${wordsOf(cause)}.`, { cause });
    this.isMaybeStored = isMaybeStored;
    this.retryable = failure === 'unreachable';
  }
}

function subjectOf(records: readonly OutgoingRecord[]): string {
  const topics = [...new Set(records.map(({ topic }) => topic))].toSorted().join(', ');
  return `${records.length === 1 ? 'A record' : `${records.length} records`} for ${topics}`;
}

function wordsOf(cause: unknown): string {
  return cause === undefined ? '' : ` (${reasonOf(cause)})`;
}

/** A topic could not be created; somebody else has to do it, or it has to be another one. */
export class KafkaTopicError extends KafkaError {
  override readonly name = 'KafkaTopicError';
  readonly code = 'KAFKA_TOPIC';
  readonly retryable = false;

  constructor(
    readonly topics: readonly string[],
    /** What an administrator has to run, one line for each topic. */
    readonly commands: readonly string[],
    options?: ErrorOptions,
  ) {
    const reason = options?.cause === undefined ? undefined : reasonOf(options.cause);
    super(topicRefusal(topics, commands, reason), options);
  }
}

/** No broker answered in time. */
export class KafkaUnreachableError extends KafkaError {
  override readonly name = 'KafkaUnreachableError';
  readonly code = 'KAFKA_UNREACHABLE';
  readonly retryable = true;

  constructor(brokers: readonly string[], options?: ErrorOptions) {
    const words = options?.cause === undefined ? '' : `: ${reasonOf(options.cause)}`;
    super(`Kafka cannot be reached at ${brokers.join(', ')}${words}.${closedAdvice(words)}`, options);
  }
}

/** A broker that wants more says nothing: it just hangs up. */
function closedAdvice(words: string): string {
  return /closed/iu.test(words)
    ? ' A broker that asks for a login or for TLS closes the connections of those who bring none: ATONE_KAFKA_SASL_*, ATONE_KAFKA_TLS.'
    : '';
}

/** The brokers answer, and do not believe who this is. */
export class KafkaAuthError extends KafkaError {
  override readonly name = 'KafkaAuthError';
  readonly code = 'KAFKA_AUTH';
  readonly retryable = false;

  constructor(brokers: readonly string[], options?: ErrorOptions) {
    const words = options?.cause === undefined ? '' : `: ${reasonOf(options.cause)}`;
    const advice = loginAdvice(options?.cause) ?? 'Check ATONE_KAFKA_SASL_* and ATONE_KAFKA_TLS_*.';
    super(`Kafka at ${brokers.join(', ')} does not let us in${words}. ${advice}`, options);
  }
}

/** Returns what it means that brokers were asked and gave no answer. */
export function askError(brokers: readonly string[], cause: unknown): KafkaError {
  if (cause instanceof KafkaError) {
    return cause;
  }
  return loginAdvice(cause) === undefined
    ? new KafkaUnreachableError(brokers, { cause })
    : new KafkaAuthError(brokers, { cause });
}

/** The client was closed. */
export class KafkaClosedError extends KafkaError {
  override readonly name = 'KafkaClosedError';
  readonly code = 'KAFKA_CLOSED';
  readonly retryable = false;

  constructor() {
    super('This Kafka client was closed.');
  }
}

/** Returns the words of the innermost error: those around it only say that something failed, or how often. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const inside: unknown = error instanceof AggregateError ? error.errors.at(-1) : error.cause;
  // Ours go on behind it.
  return inside instanceof Error ? reasonOf(inside) : error.message.replace(/\.$/u, '');
}
