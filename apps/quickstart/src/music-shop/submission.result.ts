import type { SubmitResult } from '@atone/participant';
import type { WorkResult } from '../example.js';

/** Returns what a saga came to; undefined while it is on its way by itself. */
export function resultOf({
  state,
  stuck,
  outcome,
  abort,
}: Pick<SubmitResult<object>, 'state' | 'stuck' | 'outcome' | 'abort'>): WorkResult | undefined {
  const hasSettled = state === 'committed' || state === 'aborted' || stuck !== undefined;
  return hasSettled ? { outcome, reason: abort?.message } : undefined;
}
