import type { ElapsedClock } from '../client.ports.js';

/** How long somebody waits, and what is thrown then. */
export interface TimeLimit {
  readonly clock: ElapsedClock;
  readonly ms: number;
  readonly expired: () => Error;
}

/** Resolves as `work` does, or throws when it takes too long. What `work` does after that concerns nobody. */
export function within<Result>(limit: TimeLimit, work: () => Promise<Result>): Promise<Result> {
  if (limit.ms <= 0) {
    return Promise.reject(limit.expired());
  }
  return new Promise((resolve, reject) => {
    const timer = limit.clock.setTimer(limit.ms, () => reject(limit.expired()));
    work()
      .finally(() => timer.cancel())
      .then(resolve, reject);
  });
}
