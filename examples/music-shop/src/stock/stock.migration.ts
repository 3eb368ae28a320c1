import type { MigrationInterface, QueryRunner } from 'typeorm';

const CREATE_TITLE = `
create table title (
  title text primary key,
  funded_quantity integer not null check (funded_quantity >= 0),
  on_hand_quantity integer not null check (on_hand_quantity >= 0)
) with (fillfactor = 70)`;

const CREATE_RESERVATION = `
create table reservation (
  reservation_id integer primary key generated always as identity,
  order_no integer not null,
  title text not null references title,
  kind text not null check (kind in ('reserve', 'release')),
  quantity integer not null check (quantity > 0),
  created_at timestamptz not null default now()
)`;

export class CreateStock1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_TITLE);
    await runner.query(CREATE_RESERVATION);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table reservation, title');
  }
}
