import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CREATE_MOVE, CREATE_STOCK } from './stock.sql.js';

export class CreateStock1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_STOCK);
    await runner.query(CREATE_MOVE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table move, stock');
  }
}
