import type { BranchReply } from '@atone/core';
import type { Clock, Timer } from '@atone/engine';
import {
  AtoneClientError,
  createPortDoubtSweeper,
  type DoubtSweeper,
  type LocalDatabase,
  type SweeperPorts,
  type TransactionDoubts,
} from '@atone/participant';
import type { BranchCommand, Doubt, Verdict } from '@atone/protocol';
import { SimulatedCrashError, type BranchAsker, type Member } from './execution.js';
import type { Pace } from './pace.js';
import { playIn, type FailpointListener, type Questioning } from './scene.js';

const EVERY_MS = 5_000;

export interface QuestionParts {
  readonly member: Member;
  readonly database: LocalDatabase<unknown>;
  readonly doubts: TransactionDoubts;
  /** Carries out a verdict as the network carries out a command. */
  readonly carryOut: (command: BranchCommand) => Promise<BranchReply>;
  readonly clock: Pick<Clock, 'now' | 'setTimer'>;
  readonly random: SweeperPorts['random'];
  readonly pace: Pace;
  readonly listener: FailpointListener;
}

/** The sweeper waits no longer from one question about a branch to the next: it begins with a second, and doubles. */
const PAUSE_MS = { first: 1_000, max: 300_000, people: 5_400_000 };

interface OpenBranch {
  /** When it is found by the next pass, if it is still in doubt. */
  dueAt: number;
  askCount: number;
  /** Why it cannot be ended. */
  trouble?: string | undefined;
  /** When it was last told to wait, if that was the last it was told. */
  toldToWaitAt?: number | undefined;
  isLeftToPeople?: boolean;
}

/**
 * The questions of one participant about its branches in doubt, on virtual time: by the sweeper of production, as long as
 * there may be such branches. What was left by tests before is not asked about.
 */
export class Questions implements BranchAsker {
  private open = new Map<string, OpenBranch>();
  private timer: Timer | undefined;
  private readonly sweeper: DoubtSweeper;
  private readonly scene: Questioning;
  /** What kept a pass from its end that no test has planned. */
  private failure: unknown;

  constructor(private readonly parts: QuestionParts) {
    const { member, database, clock, random } = parts;
    this.scene = { member, work: { waitingCount: 0 } };
    this.sweeper = createPortDoubtSweeper(
      {
        participant: { service: member.service, execute: (command) => this.execute(command) },
        database,
        doubts: { ask: (doubts) => this.ask(doubts) },
      },
      { clock, random },
    );
  }

  /**
   * Returns which branches will be asked about, or were and will be ended. Not those that have to wait for a person, as
   * their transaction does since `restingSince` says.
   *
   * @throws why nobody can ask.
   */
  openBranches(restingSince: ReadonlyMap<string, number>): readonly string[] {
    if (this.failure !== undefined) {
      throw this.failure;
    }
    return [...this.open]
      .filter(([key, branch]) => !waitsForPeople(branch, restingSince.get(gidOf(key))))
      .map(
        ([key]) =>
          `${this.parts.member.service} is in doubt about branch ${branchIdOf(key)} of ${gidOf(key)}`,
      );
  }

  /** Returns which branches could not be ended, and why. */
  get troubles(): readonly string[] {
    return [...this.open].flatMap(([key, { trouble }]) =>
      trouble === undefined ? [] : [`${branchIdOf(key)} of ${this.parts.member.service}: ${trouble}`],
    );
  }

  begins(command: BranchCommand): void {
    const key = keyOf(command);
    const { clock } = this.parts;
    if (!this.open.has(key)) {
      this.open.set(key, { dueAt: clock.now() + (command.remainingMs ?? 0), askCount: 0 });
    }
    this.rest();
  }

  ends(command: BranchCommand, reply: BranchReply): void {
    const key = keyOf(command);
    const branch = this.open.get(key);
    if (reply.outcome === 'confirmed' || reply.outcome === 'undone') {
      this.open.delete(key);
    } else if (branch !== undefined && reply.outcome === 'refused') {
      branch.trouble = reply.refusal.reason;
    }
  }

  /** Asks about nothing that has come until now. */
  forget(): void {
    this.open = new Map();
    this.failure = undefined;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private rest(): void {
    this.timer ??= this.parts.clock.setTimer(EVERY_MS, () => {
      this.timer = undefined;
      void this.pass();
    });
  }

  private async pass(): Promise<void> {
    const { member, clock, pace, listener } = this.parts;
    const { open } = this;
    const startedAt = clock.now();
    if (startedAt >= member.downUntil) {
      try {
        await pace.hold(this.scene.work, () =>
          playIn({ listener, questioning: this.scene }, () => this.sweeper.pass()),
        );
        this.letGo(open, startedAt);
      } catch (error) {
        this.note(error);
      }
    }
    if (this.open.size > 0) {
      this.rest();
    }
  }

  /** What was due and is not found has ended, or was never there: its transaction was rolled back. */
  private letGo(open: Map<string, OpenBranch>, startedAt: number): void {
    for (const [key, { dueAt }] of open) {
      if (dueAt < startedAt) {
        open.delete(key);
      }
    }
  }

  /** A coordinator that is away is asked again. */
  private note(error: unknown): void {
    if (!(error instanceof SimulatedCrashError || error instanceof AtoneClientError)) {
      this.failure = error;
    }
  }

  private async ask(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    const ours = doubts.filter((doubt) => this.open.has(keyOf(doubt)));
    const verdicts = ours.length === 0 ? [] : await this.parts.doubts.ask(ours);
    for (const verdict of verdicts) {
      this.putOff(verdict);
    }
    return [...verdicts, ...doubts.filter((doubt) => !ours.includes(doubt)).map(leftBehind)];
  }

  private putOff(verdict: Verdict): void {
    const branch = this.open.get(keyOf(verdict));
    if (branch !== undefined) {
      const pauseMs = Math.min(PAUSE_MS.max, PAUSE_MS.first * 2 ** branch.askCount);
      const waitMs = verdict.verdict === 'ask-people' ? PAUSE_MS.people : (verdict.waitMs ?? 0);
      branch.askCount += 1;
      branch.toldToWaitAt = verdict.verdict === 'wait' ? this.parts.clock.now() : undefined;
      branch.isLeftToPeople = verdict.verdict === 'ask-people';
      branch.dueAt = this.parts.clock.now() + waitMs + pauseMs;
    }
  }

  private async execute(command: BranchCommand): Promise<BranchReply> {
    const { work } = this.scene;
    // The execution itself keeps time from passing.
    work.waitingCount += 1;
    try {
      return await this.parts.carryOut(command);
    } finally {
      work.waitingCount -= 1;
    }
  }
}

/** What was told to wait before its transaction came to rest may be told something else now. */
function waitsForPeople(branch: OpenBranch, restingSince = Number.POSITIVE_INFINITY): boolean {
  const { trouble, isLeftToPeople = false, toldToWaitAt } = branch;
  return trouble !== undefined || isLeftToPeople || (toldToWaitAt ?? 0) > restingSince;
}

function leftBehind({ gid, branchId }: Doubt): Verdict {
  return { gid, branchId, verdict: 'wait', waitMs: 3_600_000, reason: 'Another test has left it.' };
}

function keyOf({ gid, branchId }: Pick<BranchCommand, 'gid' | 'branchId'>): string {
  return `${gid} ${branchId}`;
}

function gidOf(key: string): string {
  return key.split(' ')[0] ?? '';
}

function branchIdOf(key: string): string {
  return key.split(' ')[1] ?? '';
}
