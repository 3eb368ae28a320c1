import { Pool } from 'pg';

/** The databases of an example's services, to look at. */
export class ServiceDatabases<Name extends string> {
  readonly #pools: ReadonlyMap<Name, Pool>;

  /** `urls` has the URL of each service's database. */
  constructor(urls: Readonly<Record<Name, string>>) {
    const entries = Object.entries(urls) as [Name, string][];
    this.#pools = new Map(entries.map(([name, url]) => [name, poolOf(url)]));
  }

  async query(name: Name, statement: string): Promise<Record<string, unknown>[]> {
    const result = await this.#pools.get(name)?.query<Record<string, unknown>>(statement);
    return result?.rows ?? [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()));
  }
}

function poolOf(connectionString: string): Pool {
  const pool = new Pool({ connectionString, max: 2 });
  // A connection that breaks while nobody uses it is replaced; whoever uses one gets the error itself.
  pool.on('error', () => undefined);
  return pool;
}
