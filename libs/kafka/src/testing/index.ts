export { MemoryClient } from './memory.client.js';
export { systemClock } from './memory.clock.js';
export type { MemoryClock } from './memory.clock.js';
export { memoryClient, MemoryKafka } from './memory.kafka.js';
export type {
  MemoryFaults,
  MemoryKafkaOptions,
  MemoryStep,
  RecordFate,
  RequestFate,
} from './memory.kafka.js';
