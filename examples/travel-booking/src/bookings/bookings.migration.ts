import type { MigrationInterface, QueryRunner } from 'typeorm';

const CREATE_BOOKING = `
create table booking (
  trip_no integer primary key,
  gid uuid not null,
  state text not null check (state in ('pending', 'booked')),
  seats integer not null check (seats > 0),
  rooms integer not null check (rooms > 0),
  has_car boolean not null,
  car_refusal text,
  premium_cents integer not null check (premium_cents >= 0),
  total_cents integer not null check (total_cents >= 0)
)`;

const CREATE_REFUSAL = `
create table refusal (
  trip_no integer primary key,
  gid uuid not null,
  reason text not null
)`;

export class CreateBookings1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CREATE_BOOKING);
    await runner.query(CREATE_REFUSAL);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table refusal, booking');
  }
}
