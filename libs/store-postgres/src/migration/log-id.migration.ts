import type { MigrationInterface, QueryRunner } from 'typeorm';

/*
 * By what a log is told from others that use the same brokers of Kafka. Unlike its life it stays the same when the log is restored,
 * fails over or is copied.
 */
const LOG_ID = 'alter table atone.log_life add column log_id uuid not null default gen_random_uuid()';

export class LogId1764400000000 implements MigrationInterface {
  readonly name = 'LogId1764400000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(LOG_ID);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table atone.log_life drop column log_id');
  }
}
