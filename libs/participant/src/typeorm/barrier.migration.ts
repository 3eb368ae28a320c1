import type { MigrationInterface, QueryRunner } from 'typeorm';
import { INSTALL_BARRIER, UNINSTALL_BARRIER } from '../barrier.ddl.js';

/** Installs the barrier's table, for the `migrations` of a TypeORM data source. */
export class InstallBarrier1763800000000 implements MigrationInterface {
  readonly name = 'InstallBarrier1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runAll(runner, INSTALL_BARRIER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, UNINSTALL_BARRIER);
  }
}

async function runAll(runner: QueryRunner, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await runner.query(statement);
  }
}
