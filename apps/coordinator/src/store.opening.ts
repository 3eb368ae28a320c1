import { setTimeout as pause } from 'node:timers/promises';
import { LogStatementError, LogUnavailableError, openPostgresStore, StoreError } from '@atone/store-postgres';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { errorFacts } from './error.facts.js';
import { StartError } from './start.error.js';
import type { Store } from './tokens.js';

const PAUSE_MS = 1_000;

/**
 * Opens the log. A database that cannot be reached yet is tried again for a while: it may be starting beside us.
 *
 * @throws {StartError} when it stays away, or is one that must not hold a log.
 */
export async function openStore(
  configuration: Configuration,
  logger: Logger,
  instance: string,
): Promise<Store> {
  const { databaseUrl: url, databasePoolSize: poolSize, acceptLoss, databaseWaitMs } = configuration;
  const until = performance.now() + databaseWaitMs;
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- each attempt follows from what became of the one before.
      return await openPostgresStore({ url, poolSize, acceptLoss, instance });
    } catch (error) {
      const reason = reasonOf(error, url);
      if (!isPassing(error)) {
        throw new StartError(reason, { cause: error });
      }
      if (performance.now() + PAUSE_MS > until) {
        throw new StartError(`The database did not answer within ${databaseWaitMs / 1_000} s. ${reason}`, {
          cause: error,
          mayPass: true,
        });
      }
      logger.warn({ reason }, 'database not reached, trying again');
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(PAUSE_MS);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof StoreError && error.retryable;
}

/** Returns what kept the log from opening, with the variable and the place to look at where it is the database that says no. */
function reasonOf(error: unknown, url: string): string {
  return error instanceof LogUnavailableError || error instanceof LogStatementError
    ? `The database at ATONE_DATABASE_URL${placeIn(url)} cannot be used: ${error.reason}.`
    : errorFacts(error).message;
}

/** Without the password, and without the user, whom the server names where it matters. */
function placeIn(url: string): string {
  if (!URL.canParse(url)) {
    return '';
  }
  const { host, pathname } = new URL(url);
  return ` (${host}${pathname})`;
}
