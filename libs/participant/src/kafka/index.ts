export { startKafkaCommands, type KafkaCommands, type KafkaCommandsOptions } from './kafka.commands.js';
export {
  kafkaCommands,
  type KafkaCounts,
  type KafkaSource,
  type KafkaSourceOptions,
} from './kafka.source.js';
export type { CommandCounts } from './command.intake.js';
export { createKafkaCalls, type CountedKafkaCalls, type KafkaCallsOptions } from './kafka.calls.js';
export { readyTopics, type ReadyTopicsOptions } from './ready.topics.js';
export type { KafkaLog } from './kafka.lines.js';
export type { KafkaCommandsClock } from './kafka.clock.js';
export type { AnswerCounts } from './answer.intake.js';
