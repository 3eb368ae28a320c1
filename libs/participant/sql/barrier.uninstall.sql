-- Removes the barrier of @atone/participant. Do this only when no transaction is under way: what the barrier
-- remembers cannot be had again. The schema stays, for it may hold other tables.

begin;

drop table if exists atone.barrier;

drop table if exists atone.barrier_mark;

drop table if exists atone.barrier_version;

commit;
