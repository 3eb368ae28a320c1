import type { MigrationInterface, QueryRunner } from 'typeorm';

/* What a coordinator tells others of itself. One of an earlier version, which runs beside, leaves it out. */
const FACTS = 'alter table atone.instance add column facts jsonb';

export class InstanceFacts1764300000000 implements MigrationInterface {
  readonly name = 'InstanceFacts1764300000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(FACTS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table atone.instance drop column facts');
  }
}
