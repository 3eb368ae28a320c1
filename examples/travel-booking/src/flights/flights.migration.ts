import type { MigrationInterface, QueryRunner } from 'typeorm';

const CREATE_FLIGHT = `
create table flight (
  flight text primary key,
  price_cents integer not null check (price_cents >= 0),
  total integer not null,
  free integer not null check (free >= 0),
  held integer not null default 0 check (held >= 0),
  taken integer not null default 0
) with (fillfactor = 70)`;

/** All that was ever held, confirmed and cancelled. Nothing in it is unique, on purpose: what happened twice is seen. */
const CREATE_MOVE = `
create table move (
  move_id integer primary key generated always as identity,
  gid uuid not null,
  branch_id text not null,
  trip_no integer not null,
  place text not null references flight,
  kind text not null check (kind in ('hold', 'confirm', 'cancel')),
  quantity integer not null check (quantity > 0)
)`;

export class CreateFlights1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_FLIGHT);
    await runner.query(CREATE_MOVE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table move, flight');
  }
}
