import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import type { LocalDatabase } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import { Client, Pool, type PoolClient } from 'pg';
import { installAutomatic } from '../install.js';

/** A database in which the automatic kind is installed. */
export class AutomaticFixture {
  /** The database as the library reaches it. */
  readonly database: LocalDatabase<PoolClient>;

  private constructor(
    private readonly testDatabase: TestDatabase,
    private readonly pool: Pool,
  ) {
    this.database = pgDatabase(pool);
  }

  static async open(): Promise<AutomaticFixture> {
    const testDatabase = await createTestDatabase();
    const fixture = new AutomaticFixture(
      testDatabase,
      new Pool({ connectionString: testDatabase.url, max: 4 }),
    );
    await installAutomatic(fixture.database);
    return fixture;
  }

  /** Runs statements as one transaction, unless they say otherwise. Where one fails, nothing of them is left open. */
  async run(statements: string): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query(statements);
    } catch (cause) {
      await client.query('rollback');
      throw cause;
    } finally {
      client.release();
    }
  }

  async rows(
    statement: string,
    params: readonly unknown[] = [],
  ): Promise<readonly Record<string, unknown>[]> {
    const { rows } = await this.pool.query<Record<string, unknown>>(statement, [...params]);
    return rows;
  }

  /** The major version of the server. */
  async serverVersion(): Promise<number> {
    const [row] = await this.rows("select current_setting('server_version_num')::int / 10000 as major");
    return Number(row?.['major']);
  }

  /** Runs statements in the local transaction of a branch, which commits. */
  async inBranch(gid: string, branchId: string, statements: string): Promise<void> {
    await this.run(`begin; ${joining(gid, branchId)}; ${statements}; commit`);
  }

  /** Undoes a branch in a local transaction of its own. */
  async undo(gid: string, branchId = '1'): Promise<unknown> {
    const [row] = await this.rows('select atone.undo_branch($1, $2) as answer', [gid, branchId]);
    return row?.['answer'];
  }

  /** All that is in the tables of the service, as text that differs where any value does. */
  async content(schema = 'public'): Promise<readonly string[]> {
    const tables = await this.rows(
      "select format('%I.%I', schemaname, tablename) as title from pg_tables where schemaname = $1 order by 1",
      [schema],
    );
    const all = await Promise.all(
      tables.map(async ({ title }) => {
        const rows = await this.rows(
          `select atone_row::text as line from only ${String(title)} as atone_row order by 1`,
        );
        return rows.map(({ line }) => `${String(title)} ${String(line)}`);
      }),
    );
    return all.flat();
  }

  /** A connection of its own, for what happens beside others. The caller ends it. */
  async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.testDatabase.url });
    await client.connect();
    return client;
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.testDatabase.drop();
  }
}

/** The statement by which a local transaction becomes a branch. */
function joining(gid: string, branchId: string): string {
  return `select set_config('atone.gid', '${gid}', true), set_config('atone.branch', '${branchId}', true)`;
}
