import type { Pool, PoolClient } from 'pg';
import { refuseWritePastBranch } from '../write-guard.js';

const HOW_TO = "$.query('insert into …', […])";

const GUARDED = Symbol.for('atone.guarded-pool');

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (error?: unknown) => void,
) => void;
type Connect = { (): Promise<PoolClient>; (callback: Callback): void };
type Query = (...args: unknown[]) => unknown;

/**
 * Makes `pool.query` and the clients of `pool.connect` refuse writes while a handler runs. Does nothing the second time.
 *
 * For pools that Atone does not know: the one of `pgDatabase` is guarded already.
 *
 * A client is guarded from `connect` to `release`, and only then: `pool.query` uses the same clients inside, and may
 * do so in the asynchronous context of whoever gave the client back.
 */
export function guardPool(pool: Pool): void {
  const guarded = pool as Pool & { [GUARDED]?: Connect };
  if (guarded[GUARDED] !== undefined) {
    return;
  }
  const connect = pool.connect.bind(pool) as Connect;
  const query: Query = Reflect.get(pool, 'query') as Query;
  const inside = Object.create(pool, { connect: { value: connect } }) as Pool;
  guarded[GUARDED] = connect;
  Object.assign(pool, {
    query: (...args: unknown[]) => {
      try {
        refuseWritePastBranch(textOf(args[0]), HOW_TO);
      } catch (error) {
        return answerWithError(error, args.at(-1));
      }
      return query.apply(inside, args);
    },
    connect: (callback?: Callback) => {
      if (callback === undefined) {
        return connect().then(guardClient);
      }
      connect((error, client, done) => {
        const guardedClient = client === undefined ? undefined : guardClient(client);
        callback(
          error,
          guardedClient,
          guardedClient === undefined ? done : (cause) => guardedClient.release(cause as Error),
        );
      });
    },
  });
}

/** Returns a client for the library's own use. */
export function unguardedConnect(pool: Pool): Promise<PoolClient> {
  const connect = (pool as Pool & { [GUARDED]?: Connect })[GUARDED];
  return connect === undefined ? pool.connect() : connect();
}

function guardClient(client: PoolClient): PoolClient {
  const query = client.query.bind(client) as Query;
  const release = client.release.bind(client);
  const guards = {
    query: (...args: unknown[]) => {
      try {
        refuseWritePastBranch(textOf(args[0]), HOW_TO);
      } catch (error) {
        return answerWithError(error, args.at(-1));
      }
      return query(...args);
    },
    release: (cause?: Error | boolean) => {
      Reflect.deleteProperty(client, 'query');
      release(cause);
    },
  };
  return Object.assign(client, guards);
}

function textOf(query: unknown): unknown {
  return typeof query === 'object' && query !== null && 'text' in query ? query.text : query;
}

/** A caller that passed a callback looks at no promise, and one that passed none cannot catch a throw. */
function answerWithError(error: unknown, callback: unknown): Promise<never> | undefined {
  if (typeof callback === 'function') {
    callback(error);
    return undefined;
  }
  return Promise.reject(error);
}
