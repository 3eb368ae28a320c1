export { describeKafkaClient } from './kafka.conformance.js';
export { Bench, record, RecordStream } from './kafka.bench.js';
export type { DoomedReader, KafkaWorld } from './kafka.bench.js';
export { Door, KafkaReader } from './kafka.reader.js';
