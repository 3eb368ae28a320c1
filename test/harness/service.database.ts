import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { Pool } from 'pg';
import { BARRIER_OF, CREATE_LEDGER, FUND, LINES_OF, OUT_OF_BALANCE } from './ledger.sql.js';
import { openPool } from './open.pool.js';

/** What a barrier keeps of one branch. */
export interface BarrierRow {
  readonly branchId: string;
  readonly state: string;
  readonly wasEmpty: boolean | null;
  readonly round: number;
  readonly undoRound: number | null;
}

/** The database of one service, as the tests look into it: past the service, by plain SQL. */
export class ServiceDatabase {
  private constructor(
    private readonly database: TestDatabase,
    private readonly pool: Pool,
  ) {}

  static async create(): Promise<ServiceDatabase> {
    const database = await createTestDatabase();
    const pool = openPool(database.url, 2);
    await pool.query(CREATE_LEDGER);
    return new ServiceDatabase(database, pool);
  }

  get url(): string {
    return this.database.url;
  }

  async fund(name: string, amount: number): Promise<void> {
    await this.pool.query(FUND, [name, amount]);
  }

  async amountOf(name: string): Promise<number | undefined> {
    const { rows } = await this.pool.query<{ amount: number }>('select amount from balance where name = $1', [
      name,
    ]);
    return rows[0]?.amount;
  }

  /** What the branches of `gid` did here and when: `charge`, `charge undone`. */
  async linesOf(gid: string): Promise<readonly { readonly what: string; readonly at: number }[]> {
    return (await this.pool.query<{ what: string; at: number }>(LINES_OF, [gid])).rows;
  }

  async barrierOf(gid: string): Promise<readonly BarrierRow[]> {
    return (await this.pool.query<BarrierRow>(BARRIER_OF, [gid])).rows;
  }

  /** Names of which more or less is there than the journal accounts for. */
  async outOfBalance(): Promise<readonly string[]> {
    return (await this.pool.query<{ name: string }>(OUT_OF_BALANCE)).rows.map(({ name }) => name);
  }

  async drop(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }
}
