import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import type { PlannedFault } from './planned.fault.js';
import type { Work } from './work.js';

/** One command while its participant carries it out. */
export class Execution implements Work {
  waitingCount = 0;
  hasCrashed = false;
  /** What `failAt` wants to happen in the middle of it. */
  fault: PlannedFault | undefined;

  constructor(
    readonly command: BranchCommand,
    readonly member: Member,
  ) {}
}

/** One instance of a service, as the test's network knows it. */
export interface Member {
  readonly service: string;
  readonly instance: string;
  readonly lane: string | undefined;
  /** After a crash it answers nothing until then. */
  downUntil: number;
  /** Asks about its branches in doubt; undefined where it cannot take part in led transactions. */
  asker?: BranchAsker | undefined;
}

/** Is told of each branch of a led transaction, so that it asks as long as one may be in doubt. */
export interface BranchAsker {
  /** A try or an action is about to be carried out. */
  begins(command: BranchCommand): void;
  /** A confirm or an undo was answered. */
  ends(command: BranchCommand, reply: BranchReply): void;
}

/** What a participant's code gets where the test has it crash: all is rolled back, and nobody hears of it. */
export class SimulatedCrashError extends Error {
  static readonly TEXT = 'The participant crashes here, because the test wants it.';
  override readonly name = 'SimulatedCrashError';

  constructor() {
    super(SimulatedCrashError.TEXT);
  }
}

/** What a handler throws where the test has it fail: nothing of it is left, and it is asked again. */
export class SimulatedFailureError extends Error {
  static readonly TEXT = 'This handler fails, because the test wants it.';
  override readonly name = 'SimulatedFailureError';

  constructor() {
    super(SimulatedFailureError.TEXT);
  }
}
