import type { TransactionOptions } from './global.options.js';

/** Tells whether a method that returned is to be undone all the same. A rule that throws says so. */
export function abortsOn<Result>(
  rules: Pick<TransactionOptions<Result>, 'abortOn'>,
  result: Result,
): boolean {
  try {
    return rules.abortOn?.(result) === true;
  } catch {
    return true;
  }
}

/** Tells whether a method that threw is to be kept all the same. A rule that throws does not say so. */
export function commitsOn(rules: Pick<TransactionOptions<never>, 'commitOn'>, error: unknown): boolean {
  try {
    return rules.commitOn?.(error) === true;
  } catch {
    return false;
  }
}
