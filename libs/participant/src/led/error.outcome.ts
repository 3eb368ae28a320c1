import type { LedOutcome } from './led.errors.js';

/** What became of the transaction that an error has left. */
export interface ErrorOutcome {
  readonly gid: string;
  readonly outcome: LedOutcome;
}

const OUTCOMES = new WeakMap<object, ErrorOutcome>();

/**
 * Tells what became of the outermost global transaction that `error` has left, or undefined if it has left none.
 *
 * The same stands on the error itself, as `gid` and `outcome`, unless it is frozen or has such members of its own.
 */
export function outcomeOfError(error: unknown): ErrorOutcome | undefined {
  return typeof error === 'object' && error !== null ? OUTCOMES.get(error) : undefined;
}

/** Notes on an error that leaves a transaction what became of it. */
export function noteOutcome(error: unknown, { gid, outcome }: ErrorOutcome): void {
  if (typeof error !== 'object' || error === null) {
    return;
  }
  const earlier = OUTCOMES.get(error);
  OUTCOMES.set(error, { gid, outcome });
  for (const [name, value] of Object.entries({ gid, outcome })) {
    // What an inner transaction has noted is replaced; what belongs to the error is not.
    if (
      !(name in error) ||
      (earlier !== undefined && earlier[name as keyof ErrorOutcome] === valueOf(error, name))
    ) {
      Reflect.defineProperty(error, name, { value, configurable: true, enumerable: true, writable: true });
    }
  }
}

function valueOf(error: object, name: string): unknown {
  return (error as Readonly<Record<string, unknown>>)[name];
}
