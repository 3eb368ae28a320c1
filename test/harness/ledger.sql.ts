/**
 * What each service keeps: how much of what there is, and a journal of all that was taken and given back. The journal has
 * no unique key on purpose: should anything ever happen twice, its lines show it.
 */
export const CREATE_LEDGER = `
create table balance (
  name text primary key,
  funded integer not null check (funded >= 0),
  amount integer not null check (amount >= 0)
);
create table journal (
  line integer primary key generated always as identity,
  gid uuid not null,
  branch_id text not null,
  kind text not null check (kind in ('take', 'give back')),
  name text not null references balance,
  amount integer not null,
  at timestamptz not null default clock_timestamp()
)`;

export const FUND = `
insert into balance (name, funded, amount)
values ($1, $2, $2)
on conflict (name) do update
set funded = balance.funded + excluded.funded, amount = balance.amount + excluded.amount`;

/** Takes $2 of $1 where there is enough of it. */
export const TAKE = 'update balance set amount = amount - $2 where name = $1 and amount >= $2';

export const GIVE_BACK = 'update balance set amount = amount + $2 where name = $1';

export const NOTE = `
insert into journal (gid, branch_id, kind, name, amount)
values ($1, $2, $3, $4, $5)
returning line`;

/** Names whose balance is not what the journal says. */
export const OUT_OF_BALANCE = `
select b.name
from balance b
left join journal j on j.name = b.name
group by b.name
having b.amount <> b.funded - coalesce(sum(case j.kind when 'take' then j.amount else -j.amount end), 0)`;

export const LINES_OF = `
select branch_id || case kind when 'take' then '' else ' undone' end as what, extract(epoch from at)::float8 as at
from journal
where gid = $1`;

export const BARRIER_OF = `
select branch_id as "branchId", state, was_empty as "wasEmpty", round, undo_round as "undoRound"
from atone.barrier
where gid = $1
order by created_at`;
