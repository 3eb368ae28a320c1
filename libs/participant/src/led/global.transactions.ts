import { currentFrame, runApart, runInFrame } from '../branch.context.js';
import { causeOf, decide, LateAnswers, mayAnswer, type Decided, type Deciding } from './decision.js';
import { noteOutcome } from './error.outcome.js';
import type { GlobalTransactions, GlobalTransactionsOptions, TransactionOptions } from './global.options.js';
import { forgiveForgotten } from './forgotten.call.js';
import { begin, decisionOf, type Led } from './initiator.js';
import { runAfterwards } from './afterwards.js';
import { reached } from '../failpoints.js';
import { joinFrame, nestFrame } from './inner.part.js';
import {
  CallsInFlightError,
  OutcomeUnknownError,
  TransactionAbortedError,
  TransactionTimeoutError,
  type LedOutcome,
} from './led.errors.js';
import { remainingMs, type LedPorts } from './led.frame.js';
import { LogLife } from './log.life.js';
import { Notices } from './notices.js';
import { refuseUnknownTransactionOptions } from './option.check.js';
import { abortsOn, commitsOn } from './outcome.rules.js';
import { isPart, placementOf } from './propagation.js';
import type { ScopeEnd } from './scope.js';
import { messageOf, settle, type Settled } from './settled.js';

const DEFAULT_COMMIT_PATIENCE = '30s';
const DEFAULT_ABORT_PATIENCE = '5s';
const DEFAULT_WAIT_TIMEOUT = '30s';

/** Returns what leads global transactions for one service, over `ports`. */
export function createPortGlobalTransactions(
  options: GlobalTransactionsOptions,
  ports: LedPorts,
): GlobalTransactions {
  const leader = new Leader(options, ports);
  return {
    run(transaction, work) {
      const frame = currentFrame();
      const what = `'${transaction.name}'`;
      const run = async () => runPlaced(leader, transaction, work);
      return frame !== undefined && isPart(transaction) ? forgiveForgotten(frame, what, run) : run();
    },
  };
}

async function runPlaced<Result>(
  leader: Leader,
  transaction: TransactionOptions<Result>,
  work: () => Promise<Result>,
): Promise<Result> {
  refuseUnknownTransactionOptions(transaction);
  const { name, propagation = 'REQUIRED' } = transaction;
  const placement = placementOf(`'${name}'`, propagation, currentFrame());
  switch (placement.how) {
    case 'lead':
      return leader.lead(transaction, work);
    case 'apart':
      return runApart(work);
    case 'without':
      return work();
    case 'join':
      return joinFrame(placement.frame, transaction, work);
    case 'nest':
      return nestFrame(placement.frame, transaction, work);
  }
}

/** What the work of a transaction is to come to. */
interface Verdict {
  readonly to: 'commit' | 'abort';
  readonly message?: string | undefined;
  /** What is thrown though the work returned. */
  readonly error?: Error | undefined;
}

/** What a transaction came to, as far as it is known when its method ends. */
interface Ending {
  readonly outcome: LedOutcome;
  readonly error?: Error | undefined;
}

/** Leads transactions from their beginning to their decision. */
class Leader {
  private readonly life: LogLife;
  private readonly notices: Notices;
  private readonly late: LateAnswers;

  constructor(
    private readonly options: GlobalTransactionsOptions,
    private readonly ports: LedPorts,
  ) {
    this.life = new LogLife(options.coordinator, ports.clock);
    this.notices = new Notices(options.coordinator, ports.clock);
    this.late = new LateAnswers(options.coordinator, ports);
  }

  async lead<Result>(transaction: TransactionOptions<Result>, work: () => Promise<Result>): Promise<Result> {
    const { options, ports, notices } = this;
    const log = await this.life.get();
    const led = begin({ log, transaction, options, ports, onFirstCall: (told) => notices.tell(told) });
    const { gid, scope } = led.frame;
    await reached('led.begin.beforeCalls');
    const settled = await settle(() => runInFrame(led.frame, work));
    const verdict = verdictOn(led, transaction, settled);
    const end = scope.close();
    const { outcome, error } = await (verdict.to === 'commit'
      ? this.commit(led, end, transaction)
      : this.abort(led, end, verdict));
    notices.end(gid, outcome);
    const thrown = settled.how === 'threw' ? settled.error : error;
    noteOutcome(thrown, { gid, outcome });
    if (settled.how === 'threw' || error !== undefined) {
      throw thrown;
    }
    return settled.result;
  }

  private async commit(
    led: Led,
    end: ScopeEnd,
    { wait, waitTimeout = DEFAULT_WAIT_TIMEOUT }: Pick<TransactionOptions, 'wait' | 'waitTimeout'>,
  ): Promise<Ending> {
    const { coordinator, commitPatience = DEFAULT_COMMIT_PATIENCE } = this.options;
    const prepared = await settle(() => decisionOf(led, end, { to: 'commit', coordinator }));
    if (prepared.how === 'threw') {
      const reason = `its branches could not be registered: ${messageOf(prepared.error)}`;
      return this.abort(led, end, abortedBy(led, reason, prepared.error));
    }
    const request = prepared.result;
    if (request === undefined) {
      this.notices.over(led.frame.gid);
      return this.committed(led);
    }
    if (remainingMs(led.frame) <= 0) {
      const error = new TransactionTimeoutError(led.frame.gid, 'before it was committed');
      return this.abort(led, end, { to: 'abort', message: error.message, error });
    }
    const decideOptions = {
      patience: commitPatience,
      ...(wait === 'confirmed' ? { wait: waitTimeout } : {}),
    };
    const deciding = { gid: led.frame.gid, request, options: decideOptions };
    return this.afterCommit(led, end, { deciding, decided: await decide(coordinator, deciding) });
  }

  private async afterCommit(
    led: Led,
    end: ScopeEnd,
    { deciding, decided }: { readonly deciding: Deciding; readonly decided: Decided },
  ): Promise<Ending> {
    const { gid } = led.frame;
    switch (decided.outcome) {
      case 'committed':
        return this.committed(led);
      case 'aborted':
        await this.ran(led, 'onAbort');
        return {
          outcome: 'aborted',
          error: new TransactionAbortedError(
            gid,
            'that was decided before its commit came, by an operator or because its deadline had passed',
          ),
        };
      case 'refused':
        return this.abortInstead(led, end, decided.cause);
      case 'unknown':
        this.findOut(led, deciding, decided.cause);
        return { outcome: 'unknown', error: new OutcomeUnknownError(gid, { cause: decided.cause }) };
    }
  }

  private async committed(led: Led): Promise<Ending> {
    await reached('led.afterCommit.before');
    await this.ran(led, 'onCommit');
    await reached('led.afterCommit.after');
    return { outcome: 'committed' };
  }

  /** An attempt whose answer was lost may have committed before another one was refused: only an abort that is confirmed is one. */
  private async abortInstead(led: Led, end: ScopeEnd, cause: Error): Promise<Ending> {
    const reason = `the commit was refused: ${cause.message}`;
    const outcome = await this.tryAbort(led, end, reason);
    switch (outcome) {
      case 'committed':
        return this.committed(led);
      case 'undecided':
        return { outcome: 'unknown', error: new OutcomeUnknownError(led.frame.gid, { cause }) };
      case 'aborted':
        await this.ran(led, 'onAbort');
        return { outcome, error: new TransactionAbortedError(led.frame.gid, reason, { cause }) };
    }
  }

  private async abort(led: Led, end: ScopeEnd, { message, error }: Verdict): Promise<Ending> {
    const outcome = await this.tryAbort(led, end, message);
    if (outcome === 'committed') {
      await this.ran(led, 'onCommit');
    } else {
      // Nobody else knows the secret: what is not committed now never will be.
      await this.ran(led, 'onAbort');
    }
    return { outcome, error };
  }

  /** An abort that does not get through is no harm: who is in doubt asks, and nobody has decided otherwise. */
  private async tryAbort(
    led: Led,
    end: ScopeEnd,
    message: string | undefined,
  ): Promise<'committed' | 'aborted' | 'undecided'> {
    const { coordinator, log, abortPatience = DEFAULT_ABORT_PATIENCE } = this.options;
    const request = await decisionOf(led, end, { to: 'abort', message, coordinator });
    if (request === undefined) {
      this.notices.over(led.frame.gid);
      return 'aborted';
    }
    const deciding = { gid: led.frame.gid, request, options: { patience: abortPatience } };
    const decided = await decide(coordinator, deciding);
    if (decided.outcome === 'committed' || decided.outcome === 'aborted') {
      return decided.outcome;
    }
    const error = messageOf(causeOf(decided));
    log?.warn({ gid: led.frame.gid, error }, 'abort of a global transaction not confirmed');
    if (mayAnswer(decided)) {
      void this.late.askOn(deciding);
    } else {
      // Perhaps the log is in another life: transactions that begin now must know it.
      this.life.forget();
    }
    return 'undecided';
  }

  /** Goes on asking in the background, for those who wait for the outcome by a callback. */
  private findOut(led: Led, deciding: Deciding, cause: unknown): void {
    const { gid } = led.frame;
    this.options.log?.warn({ gid, error: messageOf(cause) }, 'outcome of a global transaction unknown');
    if (!mayAnswer({ outcome: 'unknown', cause })) {
      // Another life of the log: transactions that begin now must know it.
      this.life.forget();
      return;
    }
    const { request, options } = deciding;
    void this.settleLater(led, { gid, request, options: { ...options, wait: 0 } });
  }

  private async settleLater(led: Led, deciding: Deciding): Promise<void> {
    const { outcome } = await this.late.askOn(deciding);
    if (outcome === 'committed' || outcome === 'aborted') {
      await this.ran(led, outcome === 'committed' ? 'onCommit' : 'onAbort');
    }
  }

  private ran({ frame }: Led, which: 'onCommit' | 'onAbort'): Promise<void> {
    const { gid, afterwards } = frame;
    return runAfterwards({ gid, callbacks: afterwards[which], log: this.options.log });
  }
}

function abortedBy({ frame }: Led, reason: string, cause: unknown): Verdict {
  return { to: 'abort', message: reason, error: new TransactionAbortedError(frame.gid, reason, { cause }) };
}

function verdictOn<Result>(
  { frame }: Led,
  rules: TransactionOptions<Result>,
  settled: Settled<Result>,
): Verdict {
  const { gid, scope } = frame;
  const { abortReason, inFlight } = scope;
  if (settled.how === 'threw') {
    const isKept = abortReason === undefined && inFlight.length === 0 && commitsOn(rules, settled.error);
    return isKept ? { to: 'commit' } : { to: 'abort', message: messageOf(settled.error) };
  }
  if (abortReason !== undefined) {
    return { to: 'abort', message: abortReason, error: new TransactionAbortedError(gid, abortReason) };
  }
  if (inFlight.length > 0) {
    const error = new CallsInFlightError(gid, inFlight);
    return { to: 'abort', message: error.message, error };
  }
  return abortsOn(rules, settled.result)
    ? { to: 'abort', message: 'The method returned what it aborts on.' }
    : { to: 'commit' };
}
