import type { BranchCommand } from '@atone/protocol';
import type { PlannedFault } from './planned.fault.js';

/** One command while its participant carries it out. */
export class Execution {
  /** How many calls of the coordinator its handler waits for: until they are answered, time has to pass. */
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
}

/** What a participant's code gets where the test has it crash: all is rolled back, and nobody hears of it. */
export class SimulatedCrashError extends Error {
  static readonly TEXT = 'The participant crashes here, because the test wants it.';
  override readonly name = 'SimulatedCrashError';

  constructor() {
    super(SimulatedCrashError.TEXT);
  }
}
