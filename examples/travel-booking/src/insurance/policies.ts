import type { Pool } from 'pg';

/*
 * There is no barrier here, so this does by itself what one would do: a key for each branch makes what is repeated one effect, and what
 * is cancelled before it came never comes.
 */

const TABLE = `
create table if not exists policy (
  gid uuid,
  branch_id text,
  trip_no integer,
  premium_cents integer,
  state text not null check (state in ('draft', 'in force', 'cancelled')),
  primary key (gid, branch_id)
)`;

/** A repeat finds the row, and changes nothing. */
const DRAFT = `
insert into policy as old (gid, branch_id, trip_no, premium_cents, state)
values ($1, $2, $3, $4, 'draft')
on conflict (gid, branch_id) do update
set state = old.state
returning state`;

const CONFIRM = `
update policy
set state = 'in force'
where gid = $1 and branch_id = $2 and state <> 'cancelled'`;

/** What was never drafted leaves a row all the same: a draft that comes late finds it. */
const CANCEL = `
insert into policy as old (gid, branch_id, state)
values ($1, $2, 'cancelled')
on conflict (gid, branch_id) do update
set state = 'cancelled'
where old.state <> 'in force'`;

export interface Draft {
  readonly gid: string;
  readonly branchId: string;
  readonly tripNo: number;
  readonly premiumCents: number;
}

/** The policies of the insurance. */
export class Policies {
  constructor(private readonly pool: Pool) {}

  async open(): Promise<void> {
    await this.pool.query(TABLE);
  }

  /** Returns false for one that is cancelled already. */
  async draft({ gid, branchId, tripNo, premiumCents }: Draft): Promise<boolean> {
    const values = [gid, branchId, tripNo, premiumCents];
    const { rows } = await this.pool.query<{ state: string }>(DRAFT, values);
    return rows[0]?.state !== 'cancelled';
  }

  /** Returns false for one that has ended otherwise. */
  async end(how: 'confirm' | 'cancel', { gid, branchId }: Pick<Draft, 'gid' | 'branchId'>): Promise<boolean> {
    const { rowCount } = await this.pool.query(how === 'confirm' ? CONFIRM : CANCEL, [gid, branchId]);
    return rowCount === 1;
  }
}
