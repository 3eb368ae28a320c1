import type { LedFrame } from './led.frame.js';
import { requireFrame } from './transaction.context.js';

/** Makes a call in the transaction around the code. Rejects with a NoTransactionError outside of one. See `forgiveForgotten`. */
export function callInFrame<Result>(
  label: string,
  call: (frame: LedFrame) => Promise<Result>,
): Promise<Result> {
  try {
    const frame = requireFrame(label);
    return forgiveForgotten(frame, label, () => call(frame));
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Returns what `work` comes to, and keeps it from ending the process where the method around it has forgotten to await it.
 *
 * Such a method is aborted at its end. What its call rejects with later is heard by nobody, and Node would exit; who does await it
 * still sees it. What rejects before the end is left to Node: nobody else would notice it.
 */
export function forgiveForgotten<Result>(
  frame: LedFrame,
  label: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const { scope, gid, log } = frame;
  const isLate = scope.isOver;
  let isOpen = true;
  let release: (() => void) | undefined;
  const run = async (): Promise<Result> => {
    try {
      return await work();
    } finally {
      isOpen = false;
      release?.();
    }
  };
  const given = run();
  const forgive = (): void => {
    given.catch(() => undefined);
    log?.warn({ gid, call: label }, isLate ? 'call after a global transaction' : 'call was not awaited');
  };
  if (isLate) {
    forgive();
  } else if (isOpen) {
    release = scope.onClose(forgive);
  }
  return given;
}
