export { removeKafka, startKafka } from './embedded-kafka.js';
export type { EmbeddedKafka, StartKafkaOptions } from './embedded-kafka.js';
export {
  DownloadFailedError,
  EmbeddedKafkaError,
  FolderInUseError,
  NoDiskSpaceError,
  NoJavaError,
  PortInUseError,
  ServerStartError,
  WrongJarError,
} from './embedded-kafka.error.js';
export { freePorts } from './free-ports.js';
export { findJava } from './java.locator.js';
export type { Java, JavaPlaces } from './java.locator.js';
export { startThrowawayKafka } from './throwaway.kafka.js';
export type { ThrowawayKafkaOptions } from './throwaway.kafka.js';
