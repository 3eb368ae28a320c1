import pg from 'pg';

const SCHEMA = `
create schema atone;
create table atone.global_transaction (
  due_at timestamptz(3),
  finished_at timestamptz(3),
  stuck_at timestamptz(3),
  version int not null,
  gid uuid not null primary key,
  state text not null,
  plan json not null,
  progress int not null
) partition by range (gid);
create table atone.global_transaction_default partition of atone.global_transaction default with (fillfactor = 70);
create index on atone.global_transaction (due_at) where finished_at is null`;

const INSERT = `
insert into atone.global_transaction (due_at, version, gid, state, plan, progress)
select now() + interval '10 seconds', 1, u.gid, 'running', u.plan, 0
from unnest($1::uuid[], $2::json[]) as u (gid, plan)`;

const PROGRESS = `
update atone.global_transaction as t
set version = t.version + 1, progress = u.progress
from unnest($1::uuid[], $2::int[]) as u (gid, progress)
where t.gid = u.gid and t.finished_at is null`;

const END = `
update atone.global_transaction as t
set version = t.version + 1, state = 'committed', due_at = null, finished_at = now()
from unnest($1::uuid[]) as u (gid)
where t.gid = u.gid and t.finished_at is null`;

const PLANNER_SETTINGS =
  '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off -c plan_cache_mode=force_generic_plan';

/** The rows of the prototype, written in batches. They are called as those of the coordinator, so that they can be counted alike. */
export class PrototypeLog {
  private readonly pool: pg.Pool;

  constructor(connectionString: string) {
    this.pool = new pg.Pool({ connectionString, max: 4, options: PLANNER_SETTINGS });
  }

  async create(): Promise<void> {
    await this.pool.query(SCHEMA);
  }

  async insert(rows: readonly { readonly gid: string; readonly plan: string }[]): Promise<void> {
    const values = [rows.map(({ gid }) => gid), rows.map(({ plan }) => plan)];
    await this.pool.query({ name: 'insert', text: INSERT, values });
  }

  async progress(rows: readonly { readonly gid: string; readonly step: number }[]): Promise<void> {
    const values = [rows.map(({ gid }) => gid), rows.map(({ step }) => step)];
    await this.pool.query({ name: 'progress', text: PROGRESS, values });
  }

  async end(gids: readonly string[]): Promise<void> {
    await this.pool.query({ name: 'end', text: END, values: [gids] });
  }
}
