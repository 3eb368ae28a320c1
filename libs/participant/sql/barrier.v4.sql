-- Brings the barrier of @atone/participant from version 3 to version 4, which knows the whole time of a led transaction.
-- This file never changes: later versions have files of their own.

begin;

alter table atone.barrier
  add column timeout_ms integer,
  add constraint barrier_timeout_is_of_the_led check (timeout_ms is null or (timeout_ms >= 1 and kind is not null));

update atone.barrier_version
set version = 4
where version = 3;

commit;
