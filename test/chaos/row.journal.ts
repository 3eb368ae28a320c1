import type { ChaosWorld, CoordinatorName } from './chaos.world.js';

/*
 * What became of each row of the log, and by whose hand, taken down by the database itself: it trusts nothing that a
 * coordinator says but the name under which it has connected.
 */

const KEEP_JOURNAL = `
create table public.row_journal (
  line bigint primary key generated always as identity,
  gid uuid not null,
  writer text not null,
  former_owner text,
  owner text,
  former_state text,
  state text not null,
  has_progressed boolean not null
);
create function public.note_row() returns trigger language plpgsql as $$
begin
  insert into public.row_journal (gid, writer, former_owner, owner, former_state, state, has_progressed)
  values (
    new.gid, split_part(current_setting('application_name'), ' ', 2), old.owner, new.owner, old.state, new.state,
    old.state is distinct from new.state or old.progress::text is distinct from new.progress::text
  );
  return null;
end $$;
create trigger note_row after insert or update on atone.global_transaction
for each row execute function public.note_row()`;

/** Taking a row over changes its owner and nothing that was known of the transaction. */
const TAKE_OVER = `former_state is not null and owner = writer and former_owner <> writer and not has_progressed`;

const ENDED = `('committed', 'aborted')`;

const CHANGED_BY_STRANGERS = `
select gid, writer, former_owner as "formerOwner", state
from public.row_journal
where former_state is not null
  and has_progressed
  and writer is distinct from former_owner`;

const NOT_ENDED_ONCE = `
select gid, count(*) filter (where state in ${ENDED})::int as count
from public.row_journal
group by gid
having count(*) filter (where state in ${ENDED}) <> 1`;

const DECIDED_TWICE = `
select gid
from public.row_journal
group by gid
having bool_or(state in ('committing', 'committed')) and bool_or(state in ('aborting', 'aborted'))`;

const UNTOLD_TAKE_OVERS = `
select t.gid
from atone.global_transaction as t
where t.gid in (select gid from public.row_journal where ${TAKE_OVER})
  and not exists (
    select from json_array_elements(t.progress -> 'history') as entry
    where entry ->> 'what' = 'claimed'
  )`;

/** What an instance did with rows. */
export interface Deeds {
  /** Rows that it took over from others. */
  readonly takenCount: number;
  readonly acceptedCount: number;
  readonly endedCount: number;
}

/** Begins to take down every change of a row. */
export async function keepJournal(world: ChaosWorld): Promise<void> {
  await world.inspect('atone', async (query) => query(KEEP_JOURNAL));
}

/** Returns the number of the journal's last line. */
export async function lastLine(world: ChaosWorld): Promise<number> {
  const [row] = await world.inspect('atone', async (query) =>
    query('select coalesce(max(line), 0)::int as line from public.row_journal'),
  );
  return Number(row?.['line']);
}

/** Returns what a coordinator did after a line of the journal, from the beginning by default. */
export async function deedsOf(world: ChaosWorld, coordinator: CoordinatorName, after = 0): Promise<Deeds> {
  const [row] = await world.inspect('atone', async (query) =>
    query(`
      select
        count(*) filter (where ${TAKE_OVER})::int as "takenCount",
        count(*) filter (where former_state is null)::int as "acceptedCount",
        count(*) filter (where state in ${ENDED})::int as "endedCount"
      from public.row_journal
      where writer = '${world.instanceOf(coordinator)}'
        and line > ${after}`),
  );
  return row as unknown as Deeds;
}

/** Returns the states of the transactions that were ever taken over, each once. */
export async function takenStates(world: ChaosWorld): Promise<readonly string[]> {
  const rows = await world.inspect('atone', async (query) =>
    query(`
      select distinct state
      from atone.global_transaction
      where gid in (select gid from public.row_journal where ${TAKE_OVER})
      order by state`),
  );
  return rows.map(({ state }) => String(state));
}

/** Returns the transactions under way that a coordinator owns, whether it knows or not. */
export async function heldBy(world: ChaosWorld, coordinator: CoordinatorName): Promise<readonly string[]> {
  const rows = await world.inspect('atone', async (query) =>
    query(`
      select gid
      from atone.global_transaction
      where finished_at is null
        and owner = '${world.instanceOf(coordinator)}'`),
  );
  return rows.map(({ gid }) => String(gid));
}

/** Returns, in sentences, what was done to rows that nobody may do, now that nothing is under way. */
export async function journalViolations(world: ChaosWorld): Promise<readonly string[]> {
  return world.inspect('atone', async (query) => {
    const strangers = await query(CHANGED_BY_STRANGERS);
    const ends = await query(NOT_ENDED_ONCE);
    const decisions = await query(DECIDED_TWICE);
    const untold = await query(UNTOLD_TAKE_OVERS);
    return [
      ...strangers.map(
        ({ gid, writer, formerOwner, state }) =>
          `transaction ${String(gid)} of ${String(formerOwner)} was made ${String(state)} by ${String(writer)}`,
      ),
      ...ends.map(({ gid, count }) => `transaction ${String(gid)} ended ${String(count)} times`),
      ...decisions.map(({ gid }) => `transaction ${String(gid)} was decided both ways`),
      ...untold.map(({ gid }) => `transaction ${String(gid)} was taken over, and its history hides it`),
    ];
  });
}
