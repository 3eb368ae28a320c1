import { Inject, Injectable, Optional } from '@nestjs/common';
import {
  createGlobalTransactions,
  createPortGlobalTransactions,
  type AtoneClient,
  type GlobalTransactions as Leader,
  type GlobalTransactionsOptions,
  type TransactionOptions,
} from '@atone/participant';
import { ATONE_CONNECTION, type AtoneConnection } from '../atone.connection.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';
import { nestLog } from '../nest.log.js';

/** Runs code in global transactions, where a decorator does not fit. */
@Injectable()
export class GlobalTransactions {
  private readonly leader: Leader;

  constructor(
    @Inject(ATONE_OPTIONS) { service }: AtoneOptions,
    @Inject(ATONE_CLIENT) coordinator: AtoneClient,
    @Optional() @Inject(ATONE_CONNECTION) connection?: AtoneConnection,
  ) {
    this.leader = leaderOver(connection, { service, coordinator, log: nestLog('Atone') });
  }

  /**
   * Runs `work` in a global transaction: what the services that it calls have done is kept when it returns, and undone when it
   * throws.
   *
   * @throws what `work` throws, with `gid` and `outcome` noted on it; else as a method with `@GlobalTransaction` does:
   *   TransactionAbortedError, CallsInFlightError, TransactionTimeoutError, OutcomeUnknownError, and what `propagation` says.
   */
  run<Result>(options: TransactionOptions<Result>, work: () => Promise<Result>): Promise<Result> {
    return this.leader.run(options, work);
  }
}

function leaderOver(connection: AtoneConnection | undefined, options: GlobalTransactionsOptions): Leader {
  const { ledPorts } = connection ?? {};
  return ledPorts === undefined
    ? createGlobalTransactions(options)
    : createPortGlobalTransactions(options, ledPorts);
}
