import type { Random } from './random.js';

/** How often and how fast a branch is asked again. All times in ms. */
export interface RetryPolicy {
  /** Attempts in the forward direction, the first included, before its outcome is given up as unknown. */
  readonly attemptCountMax: number;
  /** Attempts to compensate, the first included, before the branch is stuck. */
  readonly undoAttemptCountMax: number;
  /** The longest pause before the second attempt; it doubles from attempt to attempt. */
  readonly initialMs: number;
  /** The longest pause between two attempts. */
  readonly capMs: number;
  /** How long to wait for a reply before the attempt counts as unknown. */
  readonly replyTimeoutMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attemptCountMax: 20,
  undoAttemptCountMax: 50,
  initialMs: 200,
  capMs: 30_000,
  replyTimeoutMs: 10_000,
};

/**
 * Returns how long to wait before the attempt that follows attempt number `attempt` (1 is the first).
 *
 * Full jitter: anything between nothing and a limit that doubles up to `capMs`, so that branches which
 * failed together do not come back together. (Brooker, "Exponential backoff and jitter", 2015.)
 */
export function backoffMs(attempt: number, policy: RetryPolicy, random: Random): number {
  const limitMs = Math.min(policy.capMs, policy.initialMs * 2 ** Math.min(attempt - 1, 40));
  return Math.round(random.next() * limitMs);
}
