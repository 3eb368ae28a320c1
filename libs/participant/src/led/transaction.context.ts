import { AsyncResource } from 'node:async_hooks';
import { currentFrame, isApart } from '../branch.context.js';
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

/** Tells whether the code runs in the context of a transaction that has ended: calls that belong to it are refused. */
export function isPastEnd(): boolean {
  return currentFrame()?.scope.isOver === true;
}

/**
 * Returns `callback` bound to the transaction around the code, for what calls back from a queue, a pool or an emitter of its own:
 * wherever it is called from, it runs in the context in which it was bound.
 *
 * ```ts
 * queue.push(bindTransaction(() => this.rooms.hold(stay)));
 * ```
 *
 * The method still has to wait for it: see CallsInFlightError. It is `AsyncResource.bind`, so other libraries keep their context, too.
 */
export function bindTransaction<Callback extends (...given: never[]) => unknown>(
  callback: Callback,
): Callback {
  // What it takes and returns stays as it is.
  const given: unknown = callback;
  const bound: unknown = AsyncResource.bind(given as () => unknown);
  return bound as Callback;
}

/** Returns the frame around the code. @throws NoTransactionError outside of one. */
export function requireFrame(what: string): LedFrame {
  const frame = currentFrame();
  if (frame === undefined) {
    throw new NoTransactionError(what);
  }
  return frame;
}

/** @throws NoTransactionError for a call that must be part of a transaction, where there is none and nobody wants it so. */
export function refuseWithoutFrame(what: string): void {
  if (currentFrame() === undefined && !isApart()) {
    throw new NoTransactionError(
      what,
      ' Where it shall be no part of one, say so by the propagation `NOT_SUPPORTED`; `mandatoryTo` names its URL.',
    );
  }
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
