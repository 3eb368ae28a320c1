-- Installs the tables of @atone/automatic, version 1, in the database of a service.
-- This file never changes: later versions have files of their own.

create schema if not exists atone;

create schema if not exists atone_read;

create table atone.automatic_version (
  is_only boolean primary key default true,
  version integer not null,
  functions_hash text not null default '',
  installed_at timestamptz not null default now(),
  constraint automatic_version_is_one_row check (is_only)
);

insert into atone.automatic_version (version) values (1);

create table atone.attached (
  id integer generated always as identity primary key,
  schema_name name not null,
  table_name name not null,
  key_columns name[] not null,
  writers text not null default 'any',
  view_name name,
  fingerprint text not null,
  lock_fingerprint text not null,
  attached_at timestamptz not null default now(),
  constraint attached_name unique (schema_name, table_name),
  constraint attached_view unique (view_name),
  constraint attached_writers_are_known check (writers in ('any', 'global-only')),
  constraint attached_has_a_key check (cardinality(key_columns) >= 1)
);

comment on table atone.attached is
  'The tables whose changes by global transactions are kept, to be undone. Rows are made by atone.attach.';

create table atone.image (
  gid uuid not null,
  branch_id text not null,
  id bigint generated always as identity,
  table_id integer not null,
  guard smallint not null default 0,
  key text not null,
  op text not null,
  holds boolean not null,
  before jsonb,
  after jsonb,
  created_at timestamptz not null default now(),
  constraint image_pkey primary key (gid, branch_id, id),
  constraint image_op_has_its_rows check (
    case op
      when 'insert' then before is null and after is not null and guard = 0
      when 'update' then before is not null and after is not null and guard = 0
      when 'delete' then before is not null and after is null and guard = 0
      when 'key' then before is null and after is null
      else false
    end
  )
) with (
  -- Rows come and go within a second: what is dead must not pile up.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000
);

comment on table atone.image is
  'Each change of a row by a global transaction that has not ended: how the row was, how it was left, and that it is held.';

comment on column atone.image.guard is
  '0: the key of a row. n: the value which the n-th unique index keeps apart, so that nobody takes it before it is sure to be free.';

-- The first image of a row is the lock on it.
create unique index image_holder on atone.image (table_id, guard, key) where holds;

create table atone.undoing (
  gid uuid primary key,
  since timestamptz not null default now()
);

comment on table atone.undoing is
  'Whose images are about to be applied: who waits for its rows while holding others steps aside.';
