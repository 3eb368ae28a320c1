import type { Pool, PoolClient, QueryResult } from 'pg';
import type { LocalDatabase, OpenTransaction, SqlSession } from '../database.port.js';
import { MisuseError } from '../participant.error.js';
import { guardPool, unguardedConnect } from './pg.guard.js';
import { TransactionUse } from '../write-guard.js';

const BEGIN = 'begin isolation level read committed';

/**
 * Reaches the participant's database by a pool of `pg`. From here on the pool refuses writes that a handler sends
 * past its transaction, and an idle connection that is cut does not end the process.
 *
 * @throws MisuseError if `pool` is a single client.
 */
export function pgDatabase(pool: Pool): LocalDatabase<PoolClient> {
  if (typeof pool.connect !== 'function' || !('totalCount' in pool)) {
    throw new MisuseError(
      'pgDatabase needs a Pool of pg, since every branch takes a connection: pass `new Pool(…)`.',
    );
  }
  guardPool(pool);
  surviveCutConnections(pool);
  return {
    connectionCountMax: pool.options.max,
    transaction: (work) => runTransaction(pool, work),
    session(transaction) {
      if ('totalCount' in transaction || !('processID' in transaction)) {
        throw new MisuseError(
          'A Pool is no transaction: each of its statements commits on its own. Pass branch.transaction, or a client of ' +
            '`pool.connect()` on which BEGIN has run.',
        );
      }
      return sessionOf(transaction);
    },
  };
}

/**
 * A pool tells of an idle connection that is cut, by a restart of PostgreSQL, say, as an event `error`, and an event
 * `error` that nobody listens to ends the process. The pool itself has let go of the connection and opens another.
 */
function surviveCutConnections(pool: Pool): void {
  if (pool.listenerCount('error') === 0) {
    pool.on('error', () => undefined);
  }
}

async function runTransaction<Result>(
  pool: Pool,
  work: (open: OpenTransaction<PoolClient>) => Promise<Result>,
): Promise<Result> {
  const client = await unguardedConnect(pool);
  let broken: Error | undefined;
  // Without a listener the loss of the connection would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query(BEGIN);
    return await commitAfter(client, work);
  } catch (error) {
    await client.query('rollback').catch((cause: unknown) => {
      broken ??= cause instanceof Error ? cause : new Error('The rollback failed.', { cause });
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

async function commitAfter<Result>(
  client: PoolClient,
  work: (open: OpenTransaction<PoolClient>) => Promise<Result>,
): Promise<Result> {
  const use = new TransactionUse();
  const transaction = handlersClient(client, use);
  const result = await work({ transaction, sql: sessionOf(client), seal: () => use.seal() });
  const { command } = await client.query('commit');
  if (command !== 'COMMIT') {
    // PostgreSQL answers the commit of a failed transaction with ROLLBACK, and with no error.
    throw new Error('The transaction was rolled back: one of its statements had failed.');
  }
  return result;
}

function sessionOf(client: PoolClient): SqlSession {
  return {
    async execute(text, params) {
      const { rows, rowCount }: QueryResult<Record<string, unknown>> = await client.query(
        text,
        params === undefined ? undefined : [...params],
      );
      return { rows, affectedCount: rowCount ?? 0 };
    },
  };
}

/** Returns `client` without the means to end its transaction or to give it back. */
function handlersClient(client: PoolClient, use: TransactionUse): PoolClient {
  const query = watchedQuery(client, use);
  const own: Readonly<Record<string | symbol, unknown>> = { query, release: refuseEnd, end: refuseEnd };
  return new Proxy(client, {
    get(target, property) {
      if (Object.hasOwn(own, property)) {
        return own[property];
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function watchedQuery(client: PoolClient, use: TransactionUse): (...args: unknown[]) => unknown {
  const send = client.query.bind(client) as (...args: unknown[]) => unknown;
  return (...args) => {
    const [first] = args;
    const text = typeof first === 'string' ? first : (first as { text?: unknown } | undefined)?.text;
    const isPromised =
      typeof args.at(-1) !== 'function' && typeof (first as { submit?: unknown }).submit !== 'function';
    if (isPromised) {
      return use.run(text, () => send(...args) as Promise<unknown>);
    }
    use.admit(text);
    return send(...args);
  };
}

function refuseEnd(): never {
  throw new MisuseError(
    'Atone gives the connection of a branch back by itself: leave `release` and `end` out.',
  );
}
