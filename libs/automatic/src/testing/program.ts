import { DatabaseError, type Client } from 'pg';
import type { AutomaticFixture } from './automatic.fixture.js';
import { type Place, type Statement, statementOf, type Draw } from './program.statements.js';

/** Something that one of the writers does. */
export interface Step {
  readonly lane: number;
  readonly verb: 'write' | 'commit' | 'roll back' | 'savepoint' | 'back to savepoint' | 'end';
  readonly draw: Draw;
}

/** What becomes of a global transaction. */
export interface Fate {
  /** How many of its branches, those that committed first, are released. The others are undone. */
  readonly releasedCount: number;
  /** Whether it is tried to undo the oldest ones first. */
  readonly isOldestFirst: boolean;
}

/** The local transaction of a writer, as it is to be repeated where there is no Atone. */
interface LocalTransaction {
  readonly lane: number;
  readonly gid: string | undefined;
  readonly branchId: string;
  savepointAt: number | undefined;
  statements: number[];
  isKept: boolean;
}

type Event =
  | { readonly type: 'write'; readonly number: number; readonly sql: string; readonly of: LocalTransaction }
  | { readonly type: 'commit'; readonly of: LocalTransaction };

/** The writers: two of one global transaction, one of another, and one of none. */
export const LANES: readonly (number | undefined)[] = [1, 1, 2, undefined];

const IS_IN_THE_WAY = `
select from atone.image as i
join atone.attached as a on a.id = i.table_id
where i.gid is distinct from $1::uuid and (
  ($2::int is not null and $3::int is null and a.table_name = 'parent' and $2::text in (i.before ->> 'id', i.after ->> 'id'))
  or ($3::int is not null and a.table_name = 'child' and (
    ($2::text = i.before ->> 'parent_id' and $3::text = i.before ->> 'line')
    or ($2::text = i.after ->> 'parent_id' and $3::text = i.after ->> 'line')))
  or (a.table_name in ('child', 'leaf') and i.before ->> 'parent_id' = $4::text and ($5::int is null or i.before ->> 'line' = $5::text))
)`;

/** Plays steps against attached tables, and repeats what has come to stay of them against tables that are not. */
export class Program {
  private readonly open = new Map<number, LocalTransaction>();
  private readonly events: Event[] = [];
  /** The branches that have committed and not ended, by their gid, in the order in which they committed. */
  private readonly branches = new Map<string, LocalTransaction[]>();
  private readonly rounds = new Map<number, number>();
  private fateCount = 0;
  private branchCount = 0;

  constructor(
    private readonly fixture: AutomaticFixture,
    private readonly clients: readonly Client[],
    private readonly fates: readonly Fate[],
  ) {}

  /** Plays all steps, commits what is open, and ends all global transactions. */
  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#take(step);
    }
    await this.#commitAll();
    for (const gid of this.branches.keys()) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#end(gid);
    }
  }

  /** Repeats, in the same order, what has come to stay. */
  async repeat(clients: readonly Client[]): Promise<void> {
    const begun = new Set<LocalTransaction>();
    for (const event of this.events.filter((one) => this.#stays(one))) {
      const client = at(clients, event.of.lane);
      const start = begun.has(event.of) ? '' : 'begin; ';
      begun.add(event.of);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.query(event.type === 'commit' ? `${start}commit` : `${start}${event.sql}`);
    }
  }

  #stays(event: Event): boolean {
    return event.of.isKept && (event.type === 'commit' || event.of.statements.includes(event.number));
  }

  async #take({ lane, verb, draw }: Step): Promise<void> {
    switch (verb) {
      case 'write':
        return this.#write(lane, statementOf(draw));
      case 'commit':
        return this.#commit(lane);
      case 'roll back':
        return this.#rollBack(lane);
      case 'savepoint':
        return this.#savepoint(lane);
      case 'back to savepoint':
        return this.#backToSavepoint(lane);
      case 'end':
        return this.#endOf(lane);
    }
  }

  async #write(lane: number, statement: Statement): Promise<void> {
    const local = this.open.get(lane) ?? (await this.#begin(lane));
    if (await this.#isInTheWay(local, statement)) {
      return;
    }
    const client = at(this.clients, lane);
    await client.query('savepoint statement');
    try {
      const { rowCount } = await client.query(statement.sql);
      if (rowCount !== statement.rowCount) {
        await client.query('rollback to savepoint statement');
        return;
      }
    } catch (error) {
      await this.#refused(lane, error);
      return;
    }
    const number = this.events.length;
    this.events.push({ type: 'write', number, sql: statement.sql, of: local });
    local.statements.push(number);
  }

  /** A refusal takes the statement back, a time-out all of the local transaction, for others wait for what it holds. */
  async #refused(lane: number, error: unknown): Promise<void> {
    if (!(error instanceof DatabaseError) || !EXPECTED.has(error.code ?? '')) {
      throw error;
    }
    if (error.code === LOCK_TIMEOUT) {
      await this.#rollBack(lane);
    } else {
      await at(this.clients, lane).query('rollback to savepoint statement');
    }
  }

  async #begin(lane: number): Promise<LocalTransaction> {
    const gid = this.#gidOf(lane);
    this.branchCount += 1;
    const branchId = String(this.branchCount);
    const local = { lane, gid, branchId, savepointAt: undefined, statements: [], isKept: false };
    const joining =
      gid === undefined
        ? ''
        : `select set_config('atone.gid', '${gid}', true), set_config('atone.branch', '${branchId}', true)`;
    await at(this.clients, lane).query(`begin; set local lock_timeout = '50ms'; ${joining}`);
    this.open.set(lane, local);
    return local;
  }

  /** What rests on a row that may be undone yet ends in front of a person: that is tested elsewhere. */
  async #isInTheWay({ gid }: LocalTransaction, { uses, dissolves }: Statement): Promise<boolean> {
    if (uses === undefined && dissolves === undefined) {
      return false;
    }
    const rows = await this.fixture.rows(IS_IN_THE_WAY, [gid, ...placed(uses), ...placed(dissolves)]);
    return rows.length > 0;
  }

  async #commit(lane: number): Promise<void> {
    const local = this.open.get(lane);
    if (local === undefined) {
      return;
    }
    this.open.delete(lane);
    try {
      await at(this.clients, lane).query('commit');
    } catch (error) {
      if (!(error instanceof DatabaseError) || !EXPECTED.has(error.code ?? '')) {
        throw error;
      }
      return;
    }
    local.isKept = true;
    this.events.push({ type: 'commit', of: local });
    if (local.gid !== undefined) {
      this.branches.set(local.gid, [...(this.branches.get(local.gid) ?? []), local]);
    }
  }

  async #commitAll(): Promise<void> {
    for (const lane of LANES.keys()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#commit(lane);
    }
  }

  async #rollBack(lane: number): Promise<void> {
    if (this.open.delete(lane)) {
      await at(this.clients, lane).query('rollback');
    }
  }

  async #savepoint(lane: number): Promise<void> {
    const local = this.open.get(lane);
    if (local !== undefined) {
      await at(this.clients, lane).query('savepoint place');
      local.savepointAt = local.statements.length;
    }
  }

  async #backToSavepoint(lane: number): Promise<void> {
    const local = this.open.get(lane);
    if (local?.savepointAt !== undefined) {
      await at(this.clients, lane).query('rollback to savepoint place');
      local.statements = local.statements.slice(0, local.savepointAt);
    }
  }

  /** Ends the global transaction of a lane, once nobody is left for whose locks its undo would wait. The lane goes on with another one. */
  async #endOf(lane: number): Promise<void> {
    const number = LANES[lane];
    const gid = this.#gidOf(lane);
    if (number === undefined || gid === undefined) {
      return;
    }
    await this.#commitAll();
    this.rounds.set(number, (this.rounds.get(number) ?? 0) + 1);
    await this.#end(gid);
  }

  async #end(gid: string): Promise<void> {
    const { releasedCount, isOldestFirst } = at(this.fates, this.fateCount % this.fates.length);
    this.fateCount += 1;
    const branches = this.branches.get(gid) ?? [];
    this.branches.delete(gid);
    const undone = branches.slice(releasedCount);
    await this.#undo(isOldestFirst ? undone : undone.toReversed());
    const released = branches.slice(0, releasedCount).map(({ branchId }) => branchId);
    await this.fixture.rows('select atone.release($1, $2)', [released.map(() => gid), released]);
  }

  /** Undoes branches, and asks again about those that a later one covers. */
  async #undo(branches: readonly LocalTransaction[]): Promise<void> {
    const covered: LocalTransaction[] = [];
    for (const branch of branches) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const answer = await this.fixture.undo(branch.gid ?? '', branch.branchId);
      branch.isKept = false;
      if ((answer as { outcome: string }).outcome === 'covered') {
        covered.push(branch);
      }
    }
    if (covered.length === branches.length && covered.length > 0) {
      throw new Error('Branches cover each other.');
    }
    if (covered.length > 0) {
      await this.#undo(covered);
    }
  }

  #gidOf(lane: number): string | undefined {
    const number = LANES[lane];
    const round = String(this.rounds.get(number ?? 0) ?? 0).padStart(12, '0');
    return number === undefined ? undefined : `01a20550-9211-7000-900${number}-${round}`;
  }
}

const LOCK_TIMEOUT = '55P03';

/** What a statement may be refused by: a held row, a value or key that is taken, a row that is missing or pointed to, or by time. */
const EXPECTED = new Set(['GX001', '23505', '23503', LOCK_TIMEOUT]);

function placed(place: Place | undefined): readonly (number | undefined)[] {
  return [place?.parent, place?.line];
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) {
    throw new RangeError(`There is no ${index}.`);
  }
  return item;
}
