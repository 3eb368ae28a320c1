import { AsyncLocalStorage } from 'node:async_hooks';
import type { BranchOp } from '@atone/core';
import type { LedFrame } from './led/led.frame.js';

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

class BranchScope {
  isOpen = true;
  misuse: Error | undefined;
  private shown: ActiveBranch | undefined;

  constructor(private readonly given: ActiveBranch) {}

  /** Made for those who ask, who are few; what was given may hold a payload besides. */
  get branch(): ActiveBranch {
    this.shown ??= branchOf(this.given);
    return this.shown;
  }
}

function branchOf(given: ActiveBranch): ActiveBranch {
  const { gid, branchId, op, service, action, round, attempt, lane, traceparent, baggage } = given;
  return { gid, branchId, op, service, action, round, attempt, lane, traceparent, baggage };
}

/** What code knows of where it runs: the branch that it is part of, and the led transaction whose calls it makes. */
interface Context {
  readonly branchScope?: BranchScope | undefined;
  readonly led?: LedFrame | undefined;
  /** Whether somebody has said that it is no part of any led transaction, as opposed to having lost it. */
  readonly isApart?: boolean | undefined;
}

/** Shared by all copies of this library in the process: an ESM and a CommonJS one, or two versions. */
const KEY = Symbol.for('atone.context');

const shared = globalThis as { [KEY]?: AsyncLocalStorage<Context> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<Context>());

/** Returns the branch whose handler is running, or undefined outside of one and after its end. */
export function currentBranch(): ActiveBranch | undefined {
  return openScope()?.branch;
}

/** Returns the led transaction in whose context the code runs, also when it is over; undefined outside of one. */
export function currentFrame(): LedFrame | undefined {
  return storage.getStore()?.led;
}

/** Runs `work` in the context of `led`, or of no led transaction at all. The branch around it stays what it is. */
export function runInFrame<Result>(led: LedFrame | undefined, work: () => Result): Result {
  return storage.run({ branchScope: storage.getStore()?.branchScope, led }, work);
}

/** Runs `work` outside of any led transaction, on purpose. */
export function runApart<Result>(work: () => Result): Result {
  return storage.run({ branchScope: storage.getStore()?.branchScope, isApart: true }, work);
}

/** Tells whether the code runs outside of led transactions because somebody has said so. */
export function isApart(): boolean {
  return storage.getStore()?.isApart === true;
}

export async function runInBranch<Result>(
  branch: ActiveBranch,
  handler: () => Promise<Result>,
): Promise<Result>;
export async function runInBranch<Result, Told>(
  branch: ActiveBranch,
  handler: () => Promise<Result>,
  tell: (result: Result) => Promise<Told> | Told,
): Promise<Told>;
/**
 * Runs a handler of `branch`. Returns what it returns, or what `tell` makes of that.
 *
 * @throws what the handler throws; or the misuse that was reported meanwhile, though the handler caught it.
 */
export async function runInBranch<Result>(
  branch: ActiveBranch,
  handler: () => Promise<Result>,
  tell?: (result: Result) => unknown,
): Promise<unknown> {
  const branchScope = new BranchScope(branch);
  try {
    const result = await storage.run({ branchScope, led: frameOf(branch) }, handler);
    throwMisuse(branchScope);
    return tell === undefined ? result : tell(result);
  } catch (error) {
    throwMisuse(branchScope);
    throw error;
  } finally {
    branchScope.isOpen = false;
  }
}

/** Makes the handler that is running fail at its end, even if it catches `misuse`. */
export function reportMisuse(misuse: Error): void {
  const scope = openScope();
  if (scope !== undefined) {
    scope.misuse ??= misuse;
  }
}

/** An action makes calls for its own transaction; an undo or a confirm is no part of anything that could be undone. */
function frameOf({ gid, op }: ActiveBranch): LedFrame | undefined {
  const frame = currentFrame();
  return op === 'action' && frame?.gid === gid ? frame : undefined;
}

/** Timers and promises that outlive their handler keep its storage, but are no part of it any more. */
function openScope(): BranchScope | undefined {
  const scope = storage.getStore()?.branchScope;
  return scope?.isOpen === true ? scope : undefined;
}

function throwMisuse(scope: BranchScope): void {
  if (scope.misuse !== undefined) {
    throw scope.misuse;
  }
}
