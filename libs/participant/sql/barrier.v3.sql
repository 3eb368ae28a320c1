-- Brings the barrier of @atone/participant from version 2 to version 3, which takes part in led transactions.
-- This file never changes: later versions have files of their own.

begin;

alter table atone.barrier
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
  );

create index barrier_in_doubt on atone.barrier (service, next_ask_at, gid, branch_id)
where doubt_at is not null;

update atone.barrier_version
set version = 3
where version = 2;

commit;
