import type { MigrationInterface, QueryRunner } from 'typeorm';

const CREATE_TABLE = `
create table shop_order (
  order_no integer primary key,
  customer_id integer not null,
  title text not null,
  quantity integer not null check (quantity > 0),
  amount_cents integer not null check (amount_cents >= 0),
  state text not null check (state in ('pending', 'confirmed', 'cancelled')),
  cancel_reason text check ((cancel_reason is not null) = (state = 'cancelled')),
  gid uuid not null,
  created_at timestamptz not null default now()
)`;

export class CreateOrders1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_TABLE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table shop_order');
  }
}
