export { startPostgres } from './embedded-postgres.js';
export type { EmbeddedPostgres, StartPostgresOptions } from './embedded-postgres.js';
export {
  EmbeddedPostgresError,
  NoBinariesError,
  NoDiskSpaceError,
  PortInUseError,
  ServerStartError,
  WrongMajorVersionError,
} from './embedded-postgres.error.js';
export { createTestDatabase } from './test-database.js';
export type { TestDatabase } from './test-database.js';
export { startThrowawayPostgres } from './throwaway.server.js';
export type { ThrowawayOptions } from './throwaway.server.js';
