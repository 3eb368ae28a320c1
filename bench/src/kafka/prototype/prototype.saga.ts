import type { ServerResponse } from 'node:http';

/** A saga that runs, in the prototype's memory. */
export interface RunningSaga {
  readonly gid: string;
  /** As it was submitted. */
  readonly plan: string;
  readonly steps: readonly { readonly action: string; readonly input: unknown }[];
  readonly acceptedAt: number;
  /** Waits for its end. */
  readonly caller: ServerResponse;
  /** How many steps are done. */
  step: number;
  /** As far as the log knows. */
  writtenStep: number;
}

/** What a participant is asked, and what it answers. */
export interface PrototypeCommand {
  readonly gid: string;
  readonly step: number;
  readonly action: string;
  readonly input: unknown;
}

export interface PrototypeReply {
  readonly gid: string;
  readonly step: number;
  readonly outcome: 'done';
}
