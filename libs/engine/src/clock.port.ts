/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as the engine sees it: the log's clock, so that instances need not agree on theirs.
 *
 * `now` may jump when the log's clock is read again; `setTimer` counts elapsed time and does not jump.
 */
export interface Clock {
  /** The log's time in ms since 1970, as well as this process knows it. */
  now(): number;
  /** Calls `callback` once after `delayMs` (0 or more). */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Tells the clock what the log's time is at this moment. */
  synchronize(logNowMs: number): void;
}
