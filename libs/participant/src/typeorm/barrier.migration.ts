import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BARRIER_STEPS, UNINSTALL_BARRIER } from '../barrier.ddl.js';

/** Installs the barrier at version 1, for the `migrations` of a TypeORM data source. */
export class InstallBarrier1763800000000 implements MigrationInterface {
  readonly name = 'InstallBarrier1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runAll(runner, BARRIER_STEPS[0]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, UNINSTALL_BARRIER);
  }
}

/** Brings the barrier to version 2, whose rows are removed in time. */
export class InstallBarrierMark1764000000000 implements MigrationInterface {
  readonly name = 'InstallBarrierMark1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runAll(runner, BARRIER_STEPS[1]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, ['drop table atone.barrier_mark', 'update atone.barrier_version set version = 1']);
  }
}

async function runAll(runner: QueryRunner, statements: readonly string[] = []): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await runner.query(statement);
  }
}
