import type { Duration } from '../client.duration.js';
import type { AtoneClient } from '../client.js';
import type { TraceContext } from '../client.led.js';
import type { Tags } from '../saga-builder.types.js';
import type { LedLog } from './led.log.js';
import type { Propagation } from './propagation.js';

export type { LedLog } from './led.log.js';

/** How a method runs in a global transaction. */
export interface TransactionOptions<Result = unknown> {
  /** What the transaction is called where people see it. */
  readonly name: string;
  /** From its beginning until it is aborted if nobody has decided. Ignored where it joins one. Default: 30 s. */
  readonly timeout?: Duration | undefined;
  /** Default: `REQUIRED`. */
  readonly propagation?: Propagation | undefined;
  /** Aborts though the method returned, and the result is returned all the same; so does a rule that throws. Default: never. */
  readonly abortOn?: ((result: Result) => boolean) | undefined;
  /** Commits what returned normally though the method threw, and the error is thrown all the same; a rule that throws does not. Default: never. */
  readonly commitOn?: ((error: unknown) => boolean) | undefined;
  readonly tags?: Tags | undefined;
  /** The colour of its traffic. Default: that of the branch or the transaction around it. */
  readonly lane?: string | undefined;
  /**
   * `decided`: returns as soon as the commit is durable, which is the moment from which nothing can change it. `confirmed`:
   * returns when all branches have confirmed, at the latest after `waitTimeout`; the transaction is committed either way.
   * Default: `decided`.
   */
  readonly wait?: 'decided' | 'confirmed' | undefined;
  /** Default: 30 s. */
  readonly waitTimeout?: Duration | undefined;
}

/** The part of the coordinator that led transactions need. */
export type LedCoordinator = Pick<AtoneClient, 'logInfo' | 'decide' | 'notices' | 'registerBranches'>;

export interface GlobalTransactionsOptions {
  /** The service that leads the transactions, as its operators know it. */
  readonly service: string;
  readonly coordinator: LedCoordinator;
  /** Of transactions that say nothing. Default: 30 s. */
  readonly timeout?: Duration | undefined;
  /** How long a commit without an answer is asked for again before the method throws. Default: 30 s. */
  readonly commitPatience?: Duration | undefined;
  /** How long an abort without an answer keeps the method from throwing. Default: 5 s. */
  readonly abortPatience?: Duration | undefined;
  /** A longer list of branches is registered before its commit, and not sent with it. Default: 1,000, and no request takes more. */
  readonly branchCountMax?: number | undefined;
  /** Returns the trace that a transaction belongs to. Default: that of the branch which is carried out, if any. */
  readonly trace?: (() => TraceContext) | undefined;
  /** Default: nothing is logged. */
  readonly log?: LedLog | undefined;
}

/** Runs methods in global transactions. */
export interface GlobalTransactions {
  /**
   * Runs `work` in a global transaction: its calls are undone when it throws, and kept when it returns.
   *
   * To begin costs nothing, nor does a transaction without calls. The commit is the only write that is waited for.
   *
   * @throws what `work` throws, with `gid` and `outcome` noted on it (see `outcomeOfError`).
   * @throws TransactionAbortedError when it was marked for abort, or decided otherwise before.
   * @throws CallsInFlightError when calls were not awaited; TransactionTimeoutError when its deadline had passed.
   * @throws OutcomeUnknownError when nobody knows whether it is committed.
   * @throws NoTransactionError, TransactionPresentError, TransactionOverError as its propagation says.
   * @throws AtoneClientError when the coordinator never answered since the process started: nothing was done.
   */
  run<Result>(options: TransactionOptions<Result>, work: () => Promise<Result>): Promise<Result>;
}
