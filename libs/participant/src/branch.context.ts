import { AsyncLocalStorage } from 'node:async_hooks';
import type { BranchOp } from '@atone/core';

/** What is known, anywhere below a handler, of the branch that it carries out. */
export interface ActiveBranch {
  readonly gid: string;
  readonly branchId: string;
  readonly op: BranchOp;
  readonly service: string;
  readonly action: string;
  readonly round: number;
  readonly attempt: number;
  readonly lane?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
}

interface BranchScope {
  readonly branch: ActiveBranch;
  isOpen: boolean;
  misuse?: Error | undefined;
}

/** Shared by all copies of this library in the process: an ESM and a CommonJS one, or two versions. */
const KEY = Symbol.for('atone.context');

const shared = globalThis as { [KEY]?: AsyncLocalStorage<BranchScope> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<BranchScope>());

/** Returns the branch whose handler is running, or undefined outside of one and after its end. */
export function currentBranch(): ActiveBranch | undefined {
  return openScope()?.branch;
}

/**
 * Runs a handler of `branch`.
 *
 * @throws what the handler throws; or the misuse that was reported meanwhile, though the handler caught it.
 */
export async function runInBranch<Result>(
  branch: ActiveBranch,
  handler: () => Promise<Result>,
): Promise<Result> {
  const scope: BranchScope = { branch, isOpen: true };
  try {
    const result = await storage.run(scope, handler);
    throwMisuse(scope);
    return result;
  } catch (error) {
    throwMisuse(scope);
    throw error;
  } finally {
    scope.isOpen = false;
  }
}

/** Makes the handler that is running fail at its end, even if it catches `misuse`. */
export function reportMisuse(misuse: Error): void {
  const scope = openScope();
  if (scope !== undefined) {
    scope.misuse ??= misuse;
  }
}

/** Timers and promises that outlive their handler keep its storage, but are no part of it any more. */
function openScope(): BranchScope | undefined {
  const scope = storage.getStore();
  return scope?.isOpen === true ? scope : undefined;
}

function throwMisuse(scope: BranchScope): void {
  if (scope.misuse !== undefined) {
    throw scope.misuse;
  }
}
