import { expect, test } from '@jest/globals';
import { isTopicRefusal, sendFailureOf } from './broker.codes.js';

test.each([
  [['MESSAGE_TOO_LARGE'], 'too-large'],
  [['UNKNOWN_TOPIC_OR_PARTITION'], 'no-topic'],
  [['TOPIC_AUTHORIZATION_FAILED'], 'refused'],
  [['NOT_ENOUGH_REPLICAS_AFTER_APPEND'], 'unreachable'],
  [['MESSAGE_TOO_LARGE', 'REQUEST_TIMED_OUT'], 'unreachable'],
  [[], 'unreachable'],
] as const)('%j means that records are: %s', (codes, failure) => {
  expect(sendFailureOf(codes)).toBe(failure);
});

test('that a broker is busy is no refusal of a topic', () => {
  expect(isTopicRefusal('NOT_CONTROLLER')).toBe(false);
  expect(isTopicRefusal('INVALID_REPLICATION_FACTOR')).toBe(true);
});
