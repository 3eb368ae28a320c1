-- Brings the barrier of @atone/participant from version 1 to version 2, whose rows are removed in time.
-- This file never changes: later versions have files of their own.

begin;

create table atone.barrier_mark (
  is_only boolean primary key default true,
  gid uuid not null,
  raised_at timestamptz not null default now(),
  constraint barrier_mark_is_one_row check (is_only)
);

comment on table atone.barrier_mark is
  'No row: none was removed yet. Else the greatest gid of which barrier rows were: up to it the coordinator is asked.';

update atone.barrier_version
set version = 2
where version = 1;

commit;
