-- Brings the barrier of @atone/participant from version 3 to version 4, which knows the whole time of a led transaction.
-- This file never changes: later versions have files of their own.

begin;

alter table atone.barrier
  add column timeout_ms integer,
  add constraint barrier_timeout_is_of_the_led check (timeout_ms is null or (timeout_ms >= 1 and kind is not null)) not valid;

alter table atone.barrier_version
  add column compatible_from integer not null default 1,
  add constraint barrier_version_is_compatible_with_itself check (compatible_from between 1 and version);

update atone.barrier_version
set version = 4, compatible_from = 4
where version = 3;

commit;

-- Outside of the transaction: it reads the whole table, and the table is used meanwhile.
alter table atone.barrier validate constraint barrier_timeout_is_of_the_led;
