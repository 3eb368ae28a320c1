import { DatabaseError, type Client } from 'pg';
import type { AutomaticFixture } from './automatic.fixture.js';

/** How a statement was refused. */
export interface Refusal {
  readonly code: string | undefined;
  /** Empty where the detail is no JSON. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Returns how the database has refused `statement`. */
export async function refusalOf(statement: Promise<unknown>): Promise<Refusal> {
  const answer = await statement.catch((error: unknown) => error);
  if (!(answer instanceof DatabaseError)) {
    throw new Error('The statement was not refused by the database.', { cause: answer });
  }
  const isJson = answer.detail?.startsWith('{') === true;
  const detail: unknown = isJson ? JSON.parse(answer.detail ?? '') : {};
  return { code: answer.code, detail: detail as Refusal['detail'] };
}

/** Somebody who writes beside others, on a connection of its own. */
export class Writer {
  private constructor(
    private readonly fixture: AutomaticFixture,
    private readonly client: Client,
    private readonly pid: unknown,
  ) {}

  static async of(fixture: AutomaticFixture): Promise<Writer> {
    const client = await fixture.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return new Writer(fixture, client, rows[0]?.pid);
  }

  /** Runs statements, and returns how many rows the last one has touched. */
  async run(statements: string): Promise<number> {
    const results: unknown = await this.client.query(statements);
    const last: unknown = Array.isArray(results) ? results.at(-1) : results;
    return (last as { readonly rowCount: number | null }).rowCount ?? 0;
  }

  /**
   * Begins a statement, and returns once the server has it wait: for a lock of PostgreSQL, or until a row that is held is free. What
   * becomes of it is told by `ended`.
   */
  async begin(
    statement: string,
    waitsFor: 'lock' | 'held row',
  ): Promise<{ readonly ended: Promise<number> }> {
    const ended = this.run(statement);
    // Whoever asked looks at it later, and the process must not die of it until then.
    ended.catch(() => undefined);
    const waiting = waitsFor === 'lock' ? "wait_event_type = 'Lock'" : "wait_event = 'PgSleep'";
    let rows: readonly unknown[] = [];
    while (rows.length === 0) {
      // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
      rows = await this.fixture.rows(`select from pg_stat_activity where pid = $1 and ${waiting}`, [
        this.pid,
      ]);
    }
    return { ended };
  }

  async end(): Promise<void> {
    await this.client.end();
  }
}
