import type { SendFailure } from './kafka.error.js';

/** What brokers call it, and how we do. What is not here may have been stored. */
const SEND_FAILURES: Readonly<Record<string, SendFailure>> = {
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  UNKNOWN_TOPIC_OR_PARTITION: 'no-topic',
  INVALID_TOPIC_EXCEPTION: 'no-topic',
  TOPIC_AUTHORIZATION_FAILED: 'refused',
  CLUSTER_AUTHORIZATION_FAILED: 'refused',
  INVALID_RECORD: 'refused',
  INVALID_TIMESTAMP: 'refused',
  INVALID_REQUIRED_ACKS: 'refused',
  POLICY_VIOLATION: 'refused',
};

const TOPIC_REFUSALS = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_CONFIG',
  'INVALID_REQUEST',
  'POLICY_VIOLATION',
]);

/** Says what it means for records that a broker answered with these codes. */
export function sendFailureOf(codes: readonly string[]): SendFailure {
  const failures = codes.map((code) => SEND_FAILURES[code] ?? 'unreachable');
  const [first = 'unreachable', ...others] = failures;
  return others.includes('unreachable') ? 'unreachable' : first;
}

/** Whether a broker that gave this code will never create the topic. */
export function isTopicRefusal(code: string): boolean {
  return TOPIC_REFUSALS.has(code);
}
