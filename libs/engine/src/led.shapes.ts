import type { Snapshot } from './snapshot.js';

/** What travels with a request, for whoever follows it through the services. */
export interface Trace {
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

export interface DecideAnswer {
  readonly snapshot: Snapshot;
  /** Whether it had been decided so before, and nothing was written. */
  readonly isRepeat: boolean;
}

/** The present life of the log. */
export interface LogLife {
  readonly logNumber: number;
  readonly epoch: number;
}
