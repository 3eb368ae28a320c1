/** The version of the barrier's table which this library works with. */
export const BARRIER_VERSION = 4;

const VERSION_1: readonly string[] = [
  'create schema if not exists atone',
  `create table atone.barrier (
  gid uuid not null,
  branch_id text not null,
  service text not null,
  action text not null,
  state text not null,
  was_empty boolean,
  round integer not null,
  undo_round integer,
  input_hash bytea,
  input json,
  output json,
  refusal json,
  undo_refusal json,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint barrier_pkey primary key (gid, branch_id),
  constraint barrier_branch_id_is_short check (length(branch_id) between 1 and 256),
  constraint barrier_rounds_count_up check (round >= 0 and undo_round >= 1),
  constraint barrier_input_hash_is_sha256 check (octet_length(input_hash) = 32),
  constraint barrier_state_is_known check (state in ('running', 'done', 'refused', 'undone')),
  constraint barrier_running_is_an_action check (
    state <> 'running' or (round >= 1 and input_hash is not null and output is null and refusal is null)
  ),
  constraint barrier_done_has_an_output check (
    state <> 'done' or (round >= 1 and input_hash is not null and output is not null and refusal is null)
  ),
  constraint barrier_refused_has_a_refusal check (
    state <> 'refused' or (round >= 1 and refusal is not null and output is null and undo_round is null)
  ),
  constraint barrier_undone_tells_what check (
    (state = 'undone') = (was_empty is not null)
    and (state <> 'undone' or (undo_round is not null and was_empty = (output is null)))
  ),
  constraint barrier_undo_refusal_is_of_the_done check (
    (undo_refusal is null) or (state = 'done' and undo_round is not null)
  )
) with (fillfactor = 70)`,
  `comment on table atone.barrier is
  'One row for each branch of a global transaction that came here: what it answered. Commits with the effect.'`,
  `create table atone.barrier_version (
  is_only boolean primary key default true,
  version integer not null,
  installed_at timestamptz not null default now(),
  constraint barrier_version_is_one_row check (is_only)
)`,
  'insert into atone.barrier_version (version) values (1)',
];

const VERSION_2: readonly string[] = [
  `create table atone.barrier_mark (
  is_only boolean primary key default true,
  gid uuid not null,
  raised_at timestamptz not null default now(),
  constraint barrier_mark_is_one_row check (is_only)
)`,
  `comment on table atone.barrier_mark is
  'No row: none was removed yet. Else the greatest gid of which barrier rows were: up to it the coordinator is asked.'`,
  `update atone.barrier_version
set version = 2
where version = 1`,
];

const VERSION_3: readonly string[] = [
  `alter table atone.barrier
  add column kind text,
  add column nonce text,
  add column secret_hash bytea,
  add column epoch integer,
  add column initiator text,
  add column enlisted json,
  add column doubt_at timestamptz,
  add column next_ask_at timestamptz,
  add column ask_count integer,
  add column trouble text,
  drop constraint barrier_state_is_known,
  add constraint barrier_state_is_known check (state in ('running', 'done', 'confirmed', 'refused', 'undone')),
  add constraint barrier_confirmed_was_done check (
    state <> 'confirmed'
    or (kind is not null and round >= 1 and input_hash is not null and output is not null and refusal is null
      and undo_round is not null)
  ),
  add constraint barrier_led_is_whole check (
    num_nulls(kind, nonce, secret_hash, epoch, initiator) in (0, 5)
    and kind in ('saga', 'tcc')
    and length(nonce) between 8 and 64
    and octet_length(secret_hash) = 32
    and epoch >= 1
    and (kind is not null or enlisted is null)
  ),
  add constraint barrier_undecided_is_in_doubt check (
    (doubt_at is not null) = (kind is not null and state in ('running', 'done', 'refused'))
  ),
  add constraint barrier_doubt_is_asked_about check (
    num_nulls(doubt_at, next_ask_at, ask_count) in (0, 3)
    and next_ask_at >= doubt_at
    and ask_count >= 0
    and (doubt_at is not null or trouble is null)
  )`,
  `create index barrier_in_doubt on atone.barrier (service, next_ask_at, gid, branch_id)
where doubt_at is not null`,
  `update atone.barrier_version
set version = 3
where version = 2`,
];

const VERSION_4: readonly string[] = [
  `alter table atone.barrier
  add column timeout_ms integer,
  add constraint barrier_timeout_is_of_the_led check (timeout_ms is null or (timeout_ms >= 1 and kind is not null)) not valid`,
  `alter table atone.barrier_version
  add column compatible_from integer not null default 1,
  add constraint barrier_version_is_compatible_with_itself check (compatible_from between 1 and version)`,
  `update atone.barrier_version
set version = 4, compatible_from = 4
where version = 3`,
  'alter table atone.barrier validate constraint barrier_timeout_is_of_the_led',
];

/**
 * The statements of `sql/barrier.v1.sql`, of `sql/barrier.v2.sql` and so on: each brings the barrier from the version
 * before to its own, and never changes after a release.
 */
export const BARRIER_STEPS: readonly (readonly string[])[] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/** Tells of a statement that it only reads, and for long: in a transaction of its own it keeps nobody from the table. */
export function isValidation(statement: string): boolean {
  return / validate constraint \w+$/u.test(statement);
}

/** The statements of `sql/barrier.uninstall.sql`. The schema stays: it may hold other tables of Atone. */
export const UNINSTALL_BARRIER: readonly string[] = [
  'drop table if exists atone.barrier',
  'drop table if exists atone.barrier_mark',
  'drop table if exists atone.barrier_version',
];
