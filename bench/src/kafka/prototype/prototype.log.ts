import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { progressOf, type RunningSaga } from './prototype.saga.js';

/* The columns of Atone's log, so that the rows are as wide. Of its indexes only the one by which a successor finds what is due. */
const SCHEMA = `
create schema atone;
create table atone.global_transaction (
  version bigint not null,
  due_at timestamptz(3),
  deadline_at timestamptz(3),
  accepted_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  finished_at timestamptz(3),
  stuck_at timestamptz(3),
  format smallint not null,
  is_paused boolean not null,
  gid uuid not null primary key,
  owner uuid,
  kind text not null,
  state text not null,
  name text not null,
  tags text[] not null,
  services text[] not null,
  progress json not null,
  plan json not null
) partition by range (gid);
create table atone.global_transaction_default partition of atone.global_transaction default with (fillfactor = 70);
create index on atone.global_transaction (due_at) where finished_at is null`;

const INSERT = `
insert into atone.global_transaction (
  version, due_at, deadline_at, accepted_at, updated_at, format, is_paused, gid, owner, kind, state, name, tags, services, progress, plan
)
select
  1, now() + interval '10 minutes', now() + interval '10 minutes', now(), now(), 1, false, u.gid, $1::uuid, 'saga', 'running', u.name,
  '{}', array['bench'], u.progress, u.plan
from unnest($2::uuid[], $3::text[], $4::json[], $5::json[]) as u (gid, name, progress, plan)`;

const PROGRESS = `
update atone.global_transaction as t
set version = t.version + 1, updated_at = now(), progress = u.progress
from unnest($1::uuid[], $2::json[]) as u (gid, progress)
where t.gid = u.gid and t.finished_at is null`;

const END = `
update atone.global_transaction as t
set version = t.version + 1, state = 'committed', owner = null, due_at = null, updated_at = now(), finished_at = now(),
    progress = u.progress
from unnest($1::uuid[], $2::json[]) as u (gid, progress)
where t.gid = u.gid and t.finished_at is null`;

const PLANNER_SETTINGS =
  '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off -c plan_cache_mode=force_generic_plan';

/** The rows of the prototype, written in batches. They are called as those of the coordinator, so that they can be counted alike. */
export class PrototypeLog {
  private readonly pool: pg.Pool;
  private readonly owner = randomUUID();

  constructor(connectionString: string) {
    this.pool = new pg.Pool({ connectionString, max: 4, options: PLANNER_SETTINGS });
  }

  async create(): Promise<void> {
    await this.pool.query(SCHEMA);
  }

  async insert(sagas: readonly RunningSaga[]): Promise<void> {
    const values = [
      this.owner,
      sagas.map(({ gid }) => gid),
      sagas.map(({ plan }) => plan.name),
      sagas.map((saga) => JSON.stringify(progressOf(saga))),
      sagas.map(({ plan }) => JSON.stringify({ plan })),
    ];
    await this.pool.query({ name: 'insert', text: INSERT, values });
  }

  async progress(sagas: readonly RunningSaga[]): Promise<void> {
    await this.pool.query({ name: 'progress', text: PROGRESS, values: changedColumns(sagas) });
  }

  async end(sagas: readonly RunningSaga[]): Promise<void> {
    await this.pool.query({ name: 'end', text: END, values: changedColumns(sagas) });
  }
}

function changedColumns(sagas: readonly RunningSaga[]): string[][] {
  return [sagas.map(({ gid }) => gid), sagas.map((saga) => JSON.stringify(progressOf(saga)))];
}
