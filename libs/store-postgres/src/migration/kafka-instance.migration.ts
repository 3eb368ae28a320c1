import type { MigrationInterface, QueryRunner } from 'typeorm';

/* An instance may take commands over Kafka, beside requests or instead of them. */
const KAFKA = `
alter table atone.participant_instance
  add column kafka json,
  alter column base_url drop not null,
  add constraint instance_is_reachable check (base_url is not null or kafka is not null)`;

/* Instances enter themselves again as soon as there is a coordinator that takes them as they are. */
const NO_KAFKA = `
alter table atone.participant_instance
  drop constraint instance_is_reachable,
  drop column kafka,
  alter column base_url set not null`;

export class KafkaInstance1764200000000 implements MigrationInterface {
  readonly name = 'KafkaInstance1764200000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(KAFKA);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('delete from atone.participant_instance where base_url is null');
    await queryRunner.query(NO_KAFKA);
  }
}
