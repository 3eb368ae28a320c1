export { coordinatorTopics } from './coordinator.topics.js';
export { KafkaTransport, type KafkaTransportOptions } from './kafka.transport.js';
export { DEFAULT_LIMITS, type KafkaTransportLimits } from './limits.js';
export { ownerPartitions } from './owner.partitions.js';
export type { IntakeCounts, OwnerPartitions } from './reply.intake.js';
