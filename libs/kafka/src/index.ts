export {
  KafkaAuthError,
  KafkaClosedError,
  KafkaError,
  KafkaSendError,
  KafkaTopicError,
  KafkaUnreachableError,
} from './kafka.error.js';
export type { SendFailure } from './kafka.error.js';
export type {
  KafkaClient,
  KafkaConnection,
  OutgoingRecord,
  ReceivedBatch,
  ReceivedRecord,
  Subscription,
  SubscriptionOptions,
  TopicSettings,
} from './kafka.port.js';
export { SparingLog } from './sparing.log.js';
export { sendWithRetries } from './retried.send.js';
export { partitionOf } from './partition.choice.js';
export { partitionsCommand, topicCommands } from './topic.commands.js';
