import type { MigrationInterface, QueryRunner } from 'typeorm';

/*
 * One row: which life of the log this is. `identity` names the database that the life began in, so that a restored or
 * failed-over one is noticed. Who restores by a snapshot of the disk, which nothing shows, raises `epoch` by hand.
 */
const LOG_LIFE = `
create table atone.log_life (
  began_at timestamptz(3) not null,
  epoch integer not null,
  is_only boolean primary key default true,
  identity text not null,
  constraint log_life_is_one_row check (is_only),
  constraint epoch_is_positive check (epoch >= 1)
)`;

export class LogLife1764100000000 implements MigrationInterface {
  readonly name = 'LogLife1764100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(LOG_LIFE);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table atone.log_life');
  }
}
