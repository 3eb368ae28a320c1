import type { MigrationInterface, QueryRunner } from 'typeorm';

const CREATE_WALLET = `
create table wallet (
  customer_id integer primary key,
  funded_cents integer not null check (funded_cents >= 0),
  balance_cents integer not null check (balance_cents >= 0)
) with (fillfactor = 70)`;

const CREATE_CHARGE = `
create table charge (
  charge_id integer primary key generated always as identity,
  order_no integer not null,
  customer_id integer not null references wallet,
  kind text not null check (kind in ('charge', 'refund')),
  amount_cents integer not null check (amount_cents >= 0),
  created_at timestamptz not null default now()
)`;

export class CreatePayments1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_WALLET);
    await runner.query(CREATE_CHARGE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table charge, wallet');
  }
}
