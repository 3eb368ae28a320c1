import { currentFrame } from '../branch.context.js';
import { MisuseError } from '../participant.error.js';
import type { Afterwards, LedFrame } from './led.frame.js';
import { NoTransactionError } from './led.errors.js';

/** The global transaction that code runs in. */
export interface CurrentTransaction {
  readonly gid: string;
  /** When it is aborted if nobody has decided, by this process's clock. */
  readonly deadline: Date;
  /** Known in the process that leads it alone. */
  readonly name: string | undefined;
  readonly lane: string | undefined;
  /** Whether this process leads it, and will decide. */
  readonly isInitiator: boolean;
  /**
   * Keeps it from being committed, whatever else happens: its method throws a TransactionAbortedError. In a participant, or
   * in a nested part, only that part is off the list: its call is refused for `reason`.
   */
  setAbortOnly(reason: string): void;
  /**
   * Runs `callback` once the commit is durable. Callbacks run one after the other, before the method returns. What they throw
   * is logged. They are lost with the process: what must happen is a branch.
   *
   * @throws MisuseError in a participant, which is not told in this way.
   */
  afterCommit(callback: () => unknown): void;
  /** Runs `callback` once nothing of the transaction will be committed; else as `afterCommit`. */
  afterAbort(callback: () => unknown): void;
}

/**
 * Returns the global transaction around the code that calls it, or undefined outside of one and after its end.
 *
 * It follows `await`, timers and callbacks of Node. A library that calls back from a queue of its own may lose it; that
 * cannot be noticed in general, but what needs a transaction then throws a NoTransactionError.
 */
export function currentTransaction(): CurrentTransaction | undefined {
  const frame = currentFrame();
  return frame === undefined || frame.scope.isOver ? undefined : viewOf(frame);
}

/** Returns the frame around the code. @throws NoTransactionError outside of one. */
export function requireFrame(what: string): LedFrame {
  const frame = currentFrame();
  if (frame === undefined) {
    throw new NoTransactionError(what);
  }
  return frame;
}

function viewOf(frame: LedFrame): CurrentTransaction {
  const { gid, deadline, name, lane, isInitiator, scope } = frame;
  return {
    gid,
    deadline,
    name,
    lane,
    isInitiator,
    setAbortOnly: (reason) => scope.setAbortOnly(reason),
    afterCommit: (callback) => void afterwardsOf(frame, 'afterCommit').onCommit.push(callback),
    afterAbort: (callback) => void afterwardsOf(frame, 'afterAbort').onAbort.push(callback),
  };
}

function afterwardsOf({ gid, afterwards }: LedFrame, method: string): Afterwards {
  if (afterwards === undefined) {
    throw new MisuseError(
      `\`${method}\` was called in a participant of ${gid}, which does not learn how it ends. Do it in the process that leads the ` +
        'transaction, or in the confirm or the compensation of the branch.',
    );
  }
  return afterwards;
}
