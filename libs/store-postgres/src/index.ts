export { DuplicateGidError, MissingDueError, RowEndedError } from './batch.error.js';
export { PostgresCatalogueStore } from './catalogue.postgres.js';
export { PostgresLog } from './log.postgres.js';
export { openPostgresStore } from './open.store.js';
export type { PostgresStore, PostgresStoreOptions } from './open.store.js';
export {
  DayOutOfRangeError,
  LogNotDurableError,
  LogStatementError,
  LogUnavailableError,
  LogUrlError,
  SchemaTooNewError,
  ServerTooOldError,
  StoreError,
} from './store.error.js';
