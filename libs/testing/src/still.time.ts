import { clearTimeout, setTimeout } from 'node:timers';
import type { Execution } from './execution.js';

/** Long for a handler, and shorter than the 5 s after which Jest gives a test up without a reason. */
const PATIENCE_MS = 3_000;

/** Time of this machine, which Jest's fake timers leave alone, and where warnings go. */
export interface RealWorld {
  readonly after: (ms: number, callback: () => void) => () => void;
  readonly warn: (message: string) => void;
}

const REAL_WORLD: RealWorld = {
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
  // Not the console: Jest counts a line that comes behind the last test as a failure.
  warn: (message) => process.emitWarning(message, 'AtoneTestingWarning'),
};

/** Warns once where a handler does not end, since nothing moves until it does. Returns what calls that off. */
export function watchOver(execution: Execution, { after, warn }: RealWorld = REAL_WORLD): () => void {
  const { op, service, action, branchId } = execution.command;
  const doing = op === 'action' ? `${service}.${action}` : `${op} of ${service}.${action}`;
  return after(PATIENCE_MS, () => {
    // One that waits for the coordinator holds nothing up.
    if (execution.waitingCount > 0) {
      return;
    }
    warn(
      `Time stands still until ${doing} ends, which step '${branchId}' called ${PATIENCE_MS / 1_000} s ago. Does it wait for something that never comes?`,
    );
  });
}
