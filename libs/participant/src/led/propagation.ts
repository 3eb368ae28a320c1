import { NoTransactionError, TransactionOverError, TransactionPresentError } from './led.errors.js';
import type { LedFrame } from './led.frame.js';

/**
 * What a method does about the transaction around it, as in Spring and Seata:
 *
 * - `REQUIRED`: joins it, or leads a new one.
 * - `REQUIRES_NEW`: leads a new one in any case. The one around it knows nothing of it.
 * - `NESTED`: is a part of it that is undone alone when it throws; the undo comes with the decision of the whole. Without one
 *   around it, leads a new one.
 * - `SUPPORTS`: joins it, or runs without.
 * - `MANDATORY`: joins it, or throws a NoTransactionError.
 * - `NOT_SUPPORTED`: runs outside of it.
 * - `NEVER`: throws a TransactionPresentError if there is one.
 */
export type Propagation =
  'REQUIRED' | 'REQUIRES_NEW' | 'NESTED' | 'SUPPORTS' | 'MANDATORY' | 'NOT_SUPPORTED' | 'NEVER';

/** What that comes to. */
export type Placement =
  | { readonly how: 'lead' }
  /** Outside of any, on purpose; or where there is none anyway. */
  | { readonly how: 'apart' | 'without' }
  | { readonly how: 'join' | 'nest'; readonly frame: LedFrame };

const APART: ReadonlySet<Propagation> = new Set(['REQUIRES_NEW', 'NOT_SUPPORTED', 'NEVER']);

/** Tells whether a method is a part of the transaction around it, if there is one. */
export function isPart({
  propagation = 'REQUIRED',
}: {
  readonly propagation?: Propagation | undefined;
}): boolean {
  return !APART.has(propagation);
}

/**
 * Returns what `propagation` comes to in `frame`.
 *
 * @throws NoTransactionError, TransactionPresentError, or TransactionOverError for a transaction that is around the code but
 *   over: a new one in its place would commit what was meant to be a part of it.
 */
export function placementOf(what: string, propagation: Propagation, frame: LedFrame | undefined): Placement {
  switch (propagation) {
    case 'REQUIRES_NEW':
      return { how: 'lead' };
    case 'NOT_SUPPORTED':
      return { how: 'apart' };
    case 'REQUIRED':
      return openFrame(what, frame, 'join') ?? { how: 'lead' };
    case 'NESTED':
      return openFrame(what, frame, 'nest') ?? { how: 'lead' };
    case 'SUPPORTS':
      return openFrame(what, frame, 'join') ?? { how: 'without' };
    case 'MANDATORY':
      return openFrame(what, frame, 'join') ?? refuseMissing(what);
    case 'NEVER':
      return frame === undefined || frame.scope.isOver ? { how: 'apart' } : refusePresent(what, frame);
  }
}

function openFrame(
  what: string,
  frame: LedFrame | undefined,
  how: 'join' | 'nest',
): { readonly how: 'join' | 'nest'; readonly frame: LedFrame } | undefined {
  if (frame?.scope.isOver === true) {
    throw new TransactionOverError(frame.gid, `joined by ${what}`);
  }
  return frame && { how, frame };
}

function refuseMissing(what: string): never {
  throw new NoTransactionError(what);
}

function refusePresent(what: string, { gid }: LedFrame): never {
  throw new TransactionPresentError(what, gid);
}
