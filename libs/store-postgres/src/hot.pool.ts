import pg from 'pg';
import { LogUrlError, translateFailure } from './store.error.js';

/** A statement with the name under which each connection prepares it once. */
export interface HotStatement {
  readonly name: string;
  readonly text: string;
}

export interface HotPoolOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionCountMax: number;
}

/**
 * On a partition without statistics the planner prefers reading all of it to using the index, until somebody has
 * analysed it; its guess of the cost is then also high enough to compile the plan, which takes longer than running it.
 * Planning anew for each batch costs half as much again as carrying it out, and finds the same plan.
 */
const PLANNER_SETTINGS = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
} as const;

const CONNECT_TIMEOUT_MS = 5_000;

/** What a flush may take before the server gives up, and then, if the server does not answer at all, we. */
const STATEMENT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 12_000;

/** What a statement needs: somebody to run it. */
export type StatementRunner = Pick<HotPool, 'run'>;

/** A few connections which run the log's short prepared statements, each in one round trip. */
export class HotPool {
  private readonly pool: pg.Pool;

  constructor({ url, applicationName, connectionCountMax }: HotPoolOptions) {
    this.pool = new pg.Pool({
      connectionString: withSettings(url),
      application_name: applicationName,
      max: connectionCountMax,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
    });
    // An idle connection that breaks is replaced when the next statement needs one; unheard, it would end the process.
    this.pool.on('error', () => undefined);
  }

  /**
   * Runs one statement, by itself, on a connection.
   *
   * @throws LogUnavailableError, LogStatementError, DayOutOfRangeError
   */
  async run<Row extends pg.QueryResultRow>(
    statement: HotStatement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    try {
      const { rows } = await this.pool.query<Row>({ ...statement, values: [...values] });
      return rows;
    } catch (cause) {
      throw translateFailure(statement.name, cause);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

/** Adds the planner's settings to the URL, whose own options would otherwise win over those given beside it. */
function withSettings(url: string): string {
  if (!URL.canParse(url)) throw new LogUrlError();
  const parsed = new URL(url);
  const own = Object.entries(PLANNER_SETTINGS).map(([setting, value]) => `-c ${setting}=${value}`);
  const given = parsed.searchParams.get('options');
  parsed.searchParams.set('options', [...(given === null ? [] : [given]), ...own].join(' '));
  return parsed.href;
}
