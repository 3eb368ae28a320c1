export {
  startKafkaCommands,
  type KafkaCommands,
  type KafkaCommandsClock,
  type KafkaCommandsOptions,
} from './kafka.commands.js';
export type { CommandCounts } from './command.intake.js';
