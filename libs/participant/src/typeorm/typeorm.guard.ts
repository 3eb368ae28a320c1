import type { QueryRunner } from 'typeorm';
import { unguardedQuery, type RunnerQuery as Query } from '../data-source.guard.js';
import { MisuseError } from '../participant.error.js';
import { TransactionUse } from '../write-guard.js';

/** The runner of a branch, as the library uses it. */
export interface BranchRunner {
  /** Sends a statement of the library's own. */
  readonly query: Query;
  /** From here on the handler's statements come. */
  open(): void;
  seal(): void;
  /** From here on the transaction is being ended. */
  end(): void;
}

/** Makes `runner`, which was just made, the runner of a branch: writes are welcome, an end of its transaction is not. */
export function adoptRunner(runner: QueryRunner): BranchRunner {
  const query = unguardedQuery(runner);
  const use = new TransactionUse();
  const ending = new EndingStatements(query);
  let send: Query = beginAtReadCommitted(query);
  runner.query = ((...args: Parameters<Query>) => send(...args)) as QueryRunner['query'];
  return {
    query,
    open() {
      send = (...args) => use.run(args[0], () => query(...args));
    },
    seal: () => use.seal(),
    end() {
      send = (...args) => ending.query(...args);
    },
  };
}

/** TypeORM begins in two statements; one round trip is enough. */
function beginAtReadCommitted(query: Query): Query {
  return async (text, ...rest) => {
    if (text === 'START TRANSACTION') {
      return query(`${text} ISOLATION LEVEL READ COMMITTED`);
    }
    return text === 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED' ? undefined : query(text, ...rest);
  };
}

/**
 * What TypeORM sends while it commits: the COMMIT, and before it whatever subscribers write.
 *
 * PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK and no error, and TypeORM does not look.
 */
class EndingStatements {
  #underWayCount = 0;
  #hasFailed = false;

  constructor(private readonly send: Query) {}

  async query(...args: Parameters<Query>): Promise<unknown> {
    if (args[0] === 'COMMIT' && (this.#hasFailed || this.#underWayCount > 0)) {
      throw new MisuseError(
        'A statement failed, or was not awaited, between the end of a handler and the commit.',
      );
    }
    this.#underWayCount += 1;
    try {
      return await this.send(...args);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      this.#underWayCount -= 1;
    }
  }
}
