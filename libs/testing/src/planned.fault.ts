import type { BranchCommand } from '@atone/protocol';
import { durationMs, MisuseError, type ActionContract, type Duration } from '@atone/participant';
import { withoutRuns } from './message.js';

/** What a participant says that refuses because the test wants it. */
export const REFUSED_BY_TEST = 'refused by the test';

const FAULT_KINDS = ['before-effect', 'after-effect', 'refuse', 'crash', 'slow'] as const;

/**
 * What goes wrong with a call of an action.
 *
 * - `before-effect`: the handler is not run, and nobody knows whether it was.
 * - `after-effect`: it takes effect, and the answer is lost.
 * - `refuse`: the participant says no instead of running the handler.
 * - `crash`: the participant dies before its transaction commits, and is back a second later.
 * - `slow`: no answer comes within the reply timeout; it takes effect later. What is asked for the step meanwhile waits.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What of an action is disturbed. `cancel` is the compensation of a try. */
export type FaultOp = 'action' | 'compensate' | 'confirm' | 'cancel';

export interface FaultOptions {
  /** How often. Default: once. */
  readonly times?: number | undefined;
  /**
   * What is disturbed: the action, which may be a try, or its compensation; of a try its confirm or cancel. Default: the
   * action.
   */
  readonly op?: FaultOp | undefined;
  /** Only the step of this name, or the call of this number: `'2'`. Default: whichever calls the action. */
  readonly step?: string | undefined;
  /** The reason of a refusal. */
  readonly reason?: string | undefined;
  /** How long something slow takes. Default: a second longer than the coordinator waits for a reply. */
  readonly takes?: Duration | undefined;
}

const LATE_BY_MS = 1_000;

/** A fault that `failAt` has planned. */
export class PlannedFault {
  /** How often it has happened. */
  happenedCount = 0;
  private isLifted = false;
  /** Calls that are under way, and to which it has not happened yet. */
  private readonly claims = new Set<BranchCommand>();

  constructor(
    readonly action: ActionContract,
    readonly kind: FaultKind,
    private readonly options: FaultOptions,
  ) {
    refuseNonsense(action, kind);
    refuseStrangeOp(action, options.op);
  }

  get reason(): string {
    return this.options.reason ?? REFUSED_BY_TEST;
  }

  /** Names it: `refuse at payments.charge, step 'refill'`. */
  get description(): string {
    const { op = 'action', step } = this.options;
    const call = `${this.kind} at ${this.action.service}.${this.action.name}`;
    return [call, ...(op === 'action' ? [] : [op]), ...(step === undefined ? [] : [`step '${step}'`])].join(
      ', ',
    );
  }

  /** Whether it has never happened, though nobody has lifted it. */
  get isMissed(): boolean {
    return this.happenedCount === 0 && !this.isLifted;
  }

  /** Returns how long something slow takes whose answer is waited for as long as `answerWithinMs`. */
  takesMs(answerWithinMs: number): number {
    const { takes } = this.options;
    return takes === undefined ? answerWithinMs + LATE_BY_MS : durationMs(takes);
  }

  /** Has it happen no more. */
  lift(): void {
    this.isLifted = true;
  }

  /** Takes one of its times for `command`, if it concerns it: calls at the same moment do not share one. */
  claim(command: BranchCommand): boolean {
    if (!this.concerns(command)) {
      return false;
    }
    this.claims.add(command);
    return true;
  }

  /** Notes that it has happened to `command`. */
  happen(command: BranchCommand): void {
    this.claims.delete(command);
    this.happenedCount += 1;
  }

  /** Gives back what `command` has not used: a stored answer, say, runs no handler that could crash. */
  release(command: BranchCommand): void {
    this.claims.delete(command);
  }

  private concerns({ service, action, op, branchId }: BranchCommand): boolean {
    const { times = 1, op: wanted = 'action', step } = this.options;
    return (
      !this.isLifted &&
      this.happenedCount + this.claims.size < times &&
      op === (wanted === 'cancel' ? 'compensate' : wanted) &&
      (step === undefined || step === withoutRuns(branchId)) &&
      service === this.action.service &&
      action === this.action.name
    );
  }
}

/** Which of the faults that are planned anew for each of several runs happen in none of them. */
export class MissedFaults {
  private readonly missed = new Set<string>();
  private readonly happened = new Set<string>();

  /** Looks at the faults of a run when it is over. */
  note(faults: readonly PlannedFault[]): void {
    for (const { isMissed, description } of faults) {
      (isMissed ? this.missed : this.happened).add(description);
    }
  }

  /** @throws MisuseError when there are any. */
  requireNone(): void {
    const idle = [...this.missed].filter((description) => !this.happened.has(description));
    if (idle.length > 0) {
      throw new MisuseError(
        `What failAt has planned never happened in any of the runs: ${idle.join('; ')}. Is a step misspelt, or does nothing call it?`,
      );
    }
  }
}

/** What the action does not have never goes wrong. */
function refuseStrangeOp({ kind, service, name }: ActionContract, op: FaultOp = 'action'): void {
  if (kind !== 'tcc' && (op === 'confirm' || op === 'cancel')) {
    throw new MisuseError(
      `failAt has nothing to disturb: ${service}.${name} is no try (tryAction), and has no ${op}. What undoes it is its 'compensate'.`,
    );
  }
}

/**
 * A fault that can never happen would leave a test green that tests nothing. Tests are often run without a look at their
 * types, so a misspelt action comes as undefined.
 */
function refuseNonsense(action: Partial<ActionContract> | undefined, kind: string): void {
  if (typeof action?.service !== 'string' || typeof action.name !== 'string') {
    throw new MisuseError('failAt takes an action of a contract, such as payments.charge: is it misspelt?');
  }
  if (!FAULT_KINDS.some((known) => known === kind)) {
    throw new MisuseError(`failAt knows no '${kind}', but ${FAULT_KINDS.join(', ')}.`);
  }
}
