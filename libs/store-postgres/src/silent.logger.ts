import type { Logger } from 'typeorm';

/** Keeps TypeORM from writing to the console: what goes wrong is thrown, and told by whoever catches it. */
export class SilentLogger implements Logger {
  log(): void {}
  logMigration(): void {}
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
}
