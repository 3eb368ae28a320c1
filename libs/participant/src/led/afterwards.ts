import { runInFrame } from '../branch.context.js';
import type { LedLog } from './led.log.js';

/** What is to run, and for whom. */
export interface AfterwardsRun {
  readonly gid: string;
  readonly callbacks: readonly (() => unknown)[];
  readonly log: LedLog | undefined;
}

/** Runs what was kept for the outcome, one after the other and outside of the transaction. Never rejects. */
export async function runAfterwards({ gid, callbacks, log }: AfterwardsRun): Promise<void> {
  for (const callback of callbacks) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- in the order in which they were given
      await runInFrame(undefined, callback);
    } catch (error) {
      log?.error({ gid, error: String(error) }, 'callback after a global transaction failed');
    }
  }
}
