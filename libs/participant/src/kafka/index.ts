export {
  kafkaCommands,
  startKafkaCommands,
  type KafkaCommands,
  type KafkaCommandsClock,
  type KafkaCommandsOptions,
  type KafkaSourceOptions,
} from './kafka.commands.js';
export type { CommandCounts } from './command.intake.js';
