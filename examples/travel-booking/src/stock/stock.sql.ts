/*
 * What the flights, the hotels and the cars have in common: a stock of things that are held and taken, and a note of each move. Each
 * has a database of its own, with these two tables.
 */

export const CREATE_STOCK = `
create table if not exists stock (
  item text primary key,
  price_cents integer not null check (price_cents >= 0),
  total integer not null,
  free integer not null check (free >= 0),
  held integer not null default 0 check (held >= 0),
  taken integer not null default 0
) with (fillfactor = 70)`;

/** All that was ever held, confirmed and cancelled. Nothing in it is unique, on purpose: what happened twice is seen. */
export const CREATE_MOVE = `
create table if not exists move (
  move_id integer primary key generated always as identity,
  gid uuid not null,
  branch_id text not null,
  trip_no integer not null,
  item text not null references stock,
  kind text not null check (kind in ('hold', 'confirm', 'cancel')),
  quantity integer not null check (quantity > 0)
)`;

export const NOTE_MOVE = `
insert into move (kind, gid, branch_id, trip_no, item, quantity)
values ($1, $2, $3, $4, $5, $6)`;

/** Adds to each thing what is missing to the quantity that there ever was, so that it can be repeated. */
export const OFFER = `
insert into stock as old (item, price_cents, total, free)
select item, "priceCents", quantity, quantity
from jsonb_to_recordset($1) as given (item text, quantity integer, "priceCents" integer)
on conflict (item) do update
set free = old.free + excluded.total - old.total, total = excluded.total
where excluded.total > old.total`;
