import { expect, test } from '@jest/globals';
import { KafkaTopicError } from './kafka.error.js';

function messageFor(code: string): string {
  return new KafkaTopicError(['shop.dead'], ['kafka-topics.sh --create'], { cause: new Error(code) }).message;
}

test('who lacks the right to create topics is told what an administrator has to run', () => {
  expect(messageFor('TOPIC_AUTHORIZATION_FAILED')).toBe(
    'Kafka does not let us create shop.dead (TOPIC_AUTHORIZATION_FAILED). An administrator has to run:\nkafka-topics.sh --create',
  );
});

test.each([
  ['INVALID_TOPIC_EXCEPTION', 'takes no topic of the name shop.dead'],
  ['INVALID_REPLICATION_FACTOR', 'too few brokers for the copies of shop.dead'],
])('%s is told as what it is, without a command that would be refused as well', (code, words) => {
  expect(messageFor(code)).toContain(words);
  expect(messageFor(code)).toContain(code);
  expect(messageFor(code)).not.toContain('kafka-topics.sh');
});
