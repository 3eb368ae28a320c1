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

/** Brings the barrier to version 3, which takes part in led transactions. */
export class InstallBarrierLed1764200000000 implements MigrationInterface {
  readonly name = 'InstallBarrierLed1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runAll(runner, BARRIER_STEPS[2]);
  }

  /** Rejects while there are branches of led transactions. */
  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, [DROP_LED, 'update atone.barrier_version set version = 2']);
  }
}

/** One statement, as above. The columns take their constraints and the index with them. */
const DROP_LED = `
do $$
begin
  lock table atone.barrier;
  if exists (select from atone.barrier where kind is not null) then
    raise exception 'There are branches of led transactions in atone.barrier, and the version before cannot end them. Wait '
      'until they have been removed, a day after the end of their transactions, and revert the migration again.';
  end if;
  alter table atone.barrier
    drop constraint barrier_state_is_known,
    add constraint barrier_state_is_known check (state in ('running', 'done', 'refused', 'undone')),
    drop column kind,
    drop column nonce,
    drop column secret_hash,
    drop column epoch,
    drop column initiator,
    drop column enlisted,
    drop column doubt_at,
    drop column next_ask_at,
    drop column ask_count,
    drop column trouble;
end
$$`;

/** Brings the barrier to version 4, which knows the whole time of a led transaction. */
export class InstallBarrierTimeout1764400000000 implements MigrationInterface {
  readonly name = 'InstallBarrierTimeout1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runAll(runner, BARRIER_STEPS[3]);
  }

  /** What is lost is a second opinion about when a deadline is. */
  async down(runner: QueryRunner): Promise<void> {
    await runAll(runner, [
      'alter table atone.barrier drop column timeout_ms',
      'alter table atone.barrier_version drop column compatible_from',
      'update atone.barrier_version set version = 3',
    ]);
  }
}

async function runAll(runner: QueryRunner, statements: readonly string[] = []): Promise<void> {
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- each statement needs the one before
    await runner.query(statement);
  }
}
