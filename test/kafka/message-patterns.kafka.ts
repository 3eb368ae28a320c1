import { describe } from '@jest/globals';
import { kafkaOptions } from './message.services.js';
import { describeMessages } from './message.suite.js';

describe('a message by Kafka within a global transaction', () => {
  describeMessages((service, brokers) => kafkaOptions(service, brokers));
});
