import type { LocalDatabase, ParticipantClock, SqlSession } from '@atone/participant';

interface DatabaseWithClock {
  useClock(clock: Pick<ParticipantClock, 'now'>): void;
}

/**
 * Returns the database as the barrier sees it on the time of `clock`: what says until when to wait, and when to ask, is
 * reckoned by it. Everything else stays as it is, and so does all that handlers do.
 */
export function onTimeOf<Transaction>(
  clock: ParticipantClock,
  database: LocalDatabase<Transaction>,
): LocalDatabase<Transaction> {
  if (hasClock(database)) {
    database.useClock(clock);
    return database;
  }
  return {
    connectionCountMax: database.connectionCountMax,
    transaction: (work) =>
      database.transaction((open) =>
        work({
          transaction: open.transaction,
          sql: sessionOnTimeOf(clock, open.sql),
          seal: () => open.seal(),
        }),
      ),
    session: (transaction) => sessionOnTimeOf(clock, database.session(transaction)),
  };
}

function hasClock(database: object): database is DatabaseWithClock {
  return 'useClock' in database;
}

function sessionOnTimeOf(clock: ParticipantClock, sql: SqlSession): SqlSession {
  return {
    execute: (text, params) =>
      params === undefined || !OF_DOUBT.test(text)
        ? sql.execute(text, params)
        : sql.execute(text.replaceAll('now()', `$${params.length + 1}::timestamptz`), [
            ...params,
            clock.instant(clock.now()).toISOString(),
          ]),
  };
}

/** The statements that reckon with the deadlines of led transactions. */
const OF_DOUBT = /\bdoubt_at\b[^]*\bnow\(\)|\bnow\(\)[^]*\bdoubt_at\b/u;
