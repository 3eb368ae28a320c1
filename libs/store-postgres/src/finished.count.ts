/** Returns the part of a statement that counts what it has just finished; `rows` names the part that wrote it. */
export function countFinished(rows: string): string {
  return `counted as (
  insert into atone.finished_count as c (minute, state, shard, count)
  select date_trunc('minute', now()), state, pg_backend_pid() % 64, count(*)
  from ${rows}
  where finished_at is not null
  group by state
  order by state
  on conflict (minute, state, shard) do update
  set count = c.count + excluded.count
)`;
}
