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

  /** Rejects while the mark tells of rows that are gone. */
  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, [DROP_MARK, 'update atone.barrier_version set version = 1']);
  }
}

/** One statement, for a data source may run its migrations without a transaction. */
const DROP_MARK = `
do $$
begin
  lock table atone.barrier_mark;
  if exists (select from atone.barrier_mark) then
    raise exception 'Barrier rows have been removed from this database, and without atone.barrier_mark a late duplicate of '
      'what they answered would be carried out again. When no transaction of its services is under way, and no command of '
      'one can be on its way any more, run \`delete from atone.barrier_mark\` and revert the migration again.';
  end if;
  drop table atone.barrier_mark;
end
$$`;

async function runAll(runner: QueryRunner, statements: readonly string[] = []): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await runner.query(statement);
  }
}
