import { runInFrame } from '../branch.context.js';
import type { TransactionOptions } from './global.options.js';
import { CallsInFlightError, TransactionAbortedError, TransactionOverError } from './led.errors.js';
import type { LedFrame } from './led.frame.js';
import { abortsOn, commitsOn } from './outcome.rules.js';
import type { Scope } from './scope.js';
import { messageOf, settle, type Settled } from './settled.js';

type Rules<Result> = Pick<TransactionOptions<Result>, 'name' | 'abortOn' | 'commitOn'>;

/**
 * Runs `work` as a part of the transaction around it, whose calls it shares.
 *
 * When it throws, the whole can only be aborted, as in Spring: what it has done would else be kept by whoever catches the
 * error. `commitOn` says which errors are none.
 */
export async function joinFrame<Result>(
  { scope }: LedFrame,
  rules: Rules<Result>,
  work: () => Promise<Result>,
): Promise<Result> {
  const leave = scope.join(`'${rules.name}'`);
  const settled = await settle(work);
  leave();
  const reason = reasonAgainst(settled, rules);
  if (reason !== undefined && !scope.isOver) {
    scope.setAbortOnly(reason);
  }
  return unwrap(settled);
}

/**
 * Runs `work` as a part of the transaction around it that is kept or undone for itself.
 *
 * Where the whole ends first, the part is undone with it.
 *
 * @throws TransactionOverError then, when `work` returns; else what `work` throws, and CallsInFlightError or
 *   TransactionAbortedError as the whole does.
 */
export async function nestFrame<Result>(
  frame: LedFrame,
  rules: Rules<Result>,
  work: () => Promise<Result>,
): Promise<Result> {
  const nested = frameWithin(frame);
  const leave = frame.scope.join(`'${rules.name}'`, () => endPart(frame, nested, false));
  const settled = await settle(() => runInFrame(nested, work));
  const misuse = settled.how === 'returned' ? misuseOf(nested, rules) : undefined;
  if (!nested.scope.isOver) {
    const isKept =
      misuse === undefined && isKeepable(nested.scope) && reasonAgainst(settled, rules) === undefined;
    endPart(frame, nested, isKept);
    leave();
  }
  if (misuse !== undefined) {
    throw misuse;
  }
  return unwrap(settled);
}

function endPart(frame: LedFrame, nested: LedFrame, isKept: boolean): void {
  frame.scope.absorb(nested.scope.close(), isKept ? 'returned' : 'threw');
  inheritAfterwards(frame, nested, isKept);
}

function frameWithin(frame: LedFrame): LedFrame {
  const afterwards = frame.afterwards && { onCommit: [], onAbort: [] };
  return { ...frame, scope: frame.scope.nest(), afterwards };
}

function misuseOf<Result>({ gid, scope }: LedFrame, { name }: Rules<Result>): Error | undefined {
  if (scope.isOver) {
    return new TransactionOverError(gid, `left by its part '${name}'`);
  }
  if (scope.abortReason !== undefined) {
    return new TransactionAbortedError(gid, scope.abortReason);
  }
  return scope.inFlight.length === 0 ? undefined : new CallsInFlightError(gid, scope.inFlight);
}

function isKeepable({ abortReason, inFlight }: Scope): boolean {
  return abortReason === undefined && inFlight.length === 0;
}

function reasonAgainst<Result>(settled: Settled<Result>, rules: Rules<Result>): string | undefined {
  if (settled.how === 'threw') {
    return commitsOn(rules, settled.error) ? undefined : `'${rules.name}' threw ${messageOf(settled.error)}`;
  }
  return abortsOn(rules, settled.result) ? `'${rules.name}' returned what it aborts on` : undefined;
}

/** A part that is undone has no commit of its own, and its end is known together with that of the whole. */
function inheritAfterwards(
  { afterwards: outer }: LedFrame,
  { afterwards: inner }: LedFrame,
  isKept: boolean,
): void {
  if (outer === undefined || inner === undefined) {
    return;
  }
  outer.onCommit.push(...(isKept ? inner.onCommit : inner.onAbort));
  outer.onAbort.push(...inner.onAbort);
}

function unwrap<Result>(settled: Settled<Result>): Result {
  if (settled.how === 'threw') {
    throw settled.error;
  }
  return settled.result;
}
