import type { Random } from '@atone/core';
import { DOUBT_COUNT_MAX, type Verdict } from '@atone/protocol';
import { askLater, findInDoubt, type DoubtfulBranch, type LaterQuestion } from './barrier.doubt.js';
import { durationMs, type Duration } from './client.duration.js';
import type { ElapsedClock } from './client.ports.js';
import type { LocalDatabase } from './database.port.js';
import { endBranch, pauseBefore, type BranchEnd, type VerdictExecutor } from './doubt.verdict.js';
import type { TransactionDoubts } from './doubts.port.js';
import { reached } from './failpoints.js';
import { MisuseError } from './participant.error.js';
import { RepeatedPasses } from './repeated.passes.js';
import type { RegistrationLog } from './registration.js';

/** When branches in doubt are asked about. */
export interface SweepOptions {
  /**
   * How often to look for branches whose deadline has passed, up to an hour. Default: every 5 seconds. Each pause is drawn
   * between half and one and a half of it, and doubles up to a minute while the coordinator does not answer.
   */
  readonly every?: Duration | undefined;
  /** How many branches to ask about at once, up to 200. Default: 200. */
  readonly batch?: number | undefined;
}

export const DEFAULT_SWEEP = { every: '5s', batch: DOUBT_COUNT_MAX } as const satisfies SweepOptions;

export interface SweeperOptions extends SweepOptions {
  /** Who carries out the verdicts. Only branches of its service are looked at. */
  readonly participant: VerdictExecutor;
  /** Where the barrier of the participant is. */
  readonly database: LocalDatabase<unknown>;
  readonly doubts: TransactionDoubts;
  /** Default: nothing is logged. */
  readonly log?: RegistrationLog | undefined;
}

export interface SweeperPorts {
  readonly clock: Pick<ElapsedClock, 'setTimer'>;
  readonly random: Random;
}

/** How many branches one pass asked about, and what became of them. */
export type SweepReport = Readonly<Record<'asked' | BranchEnd['what'], number>>;

/** Asks the coordinator about branches whose deadline has passed, and does what it says. By itself it decides nothing. */
export interface DoubtSweeper {
  /** Begins to look for branches in doubt, in the background. */
  start(): void;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** Asks once about each branch that is due. Rejects when the database or the coordinator does not answer. */
  pass(): Promise<SweepReport>;
}

const NOTHING: SweepReport = { asked: 0, confirmed: 0, undone: 0, waiting: 0, people: 0, trouble: 0 };

const EVERY_MS_MIN = 10;
const EVERY_MS_MAX = 3_600_000;

/** How far the pause grows while the coordinator does not answer. */
const OUTAGE_PAUSE_MS_MAX = 60_000;

/** How many branches are ended at once: the participant has live commands to carry out as well. */
const PARALLEL = 4;

/** Of how many branches it is remembered that people were told of them. */
const REMEMBERED_MAX = 10_000;

/**
 * Returns the sweeper of a service over `ports`; it does nothing before `start`.
 *
 * @throws MisuseError for options that cannot work, RangeError for what is no duration.
 */
export function createPortDoubtSweeper(options: SweeperOptions, ports: SweeperPorts): DoubtSweeper {
  const everyMs = durationMs(options.every ?? DEFAULT_SWEEP.every);
  const batch = options.batch ?? DEFAULT_SWEEP.batch;
  if (everyMs < EVERY_MS_MIN || everyMs > EVERY_MS_MAX) {
    throw new MisuseError(
      `\`every\` of the sweeper is ${everyMs} ms. Give it from ${EVERY_MS_MIN} ms to an hour.`,
    );
  }
  if (!Number.isInteger(batch) || batch < 1 || batch > DOUBT_COUNT_MAX) {
    throw new MisuseError(
      `\`batch\` of the sweeper is ${batch}. It must be a whole number from 1 to ${DOUBT_COUNT_MAX}.`,
    );
  }
  return new PortDoubtSweeper(options, ports, { everyMs, batch });
}

class PortDoubtSweeper implements DoubtSweeper {
  private readonly passes: RepeatedPasses;
  private readonly toldPeople = new Set<string>();

  constructor(
    private readonly options: SweeperOptions,
    private readonly ports: SweeperPorts,
    private readonly settings: { everyMs: number; batch: number },
  ) {
    const { everyMs } = settings;
    this.passes = new RepeatedPasses(
      {
        everyMs,
        pass: async () => {
          this.tell(await this.pass());
        },
        pauseMs: (failedCount) =>
          Math.max(everyMs, Math.min(OUTAGE_PAUSE_MS_MAX, everyMs * 2 ** Math.min(failedCount, 20))),
        tellFailure: (error) => {
          this.warn({ error }, 'branches in doubt could not be asked about; trying again');
        },
      },
      ports,
    );
  }

  start(): void {
    this.passes.start();
  }

  stop(): Promise<void> {
    return this.passes.stop();
  }

  /** Goes behind each batch, and never to what became due after it began: so it ends, whatever the verdicts are. */
  async pass(): Promise<SweepReport> {
    let report = NOTHING;
    let after: DoubtfulBranch | undefined;
    let until: string | undefined;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each look begins behind the one before
      const found = await this.look(after, until);
      if (found.branches.length > 0) {
        // oxlint-disable-next-line no-await-in-loop -- one question at a time, and a stop ends them
        report = sumOf(report, await this.settle(found.branches));
      }
      if (found.branches.length < this.settings.batch || this.passes.isStopped) {
        return report;
      }
      ({ until } = found);
      after = found.branches.at(-1);
    }
  }

  private look(after: DoubtfulBranch | undefined, until: string | undefined): ReturnType<typeof findInDoubt> {
    const { participant, database } = this.options;
    const due = { service: participant.service, count: this.settings.batch, until, after };
    return database.transaction(({ sql }) => findInDoubt(sql, due));
  }

  /** Asks about some branches, and does with each what is said of it. */
  private async settle(branches: readonly DoubtfulBranch[]): Promise<SweepReport> {
    const { database, doubts } = this.options;
    await reached('participant.doubt.beforeAsk');
    const verdicts = verdictsByBranch(await doubts.ask(branches.map(({ doubt }) => doubt)));
    await reached('participant.doubt.afterVerdict');
    const ends = await this.endAll(branches, verdicts);
    const later = branches.flatMap((branch, index) => this.laterQuestion(branch, ends[index]));
    if (later.length > 0) {
      await database.transaction(({ sql }) => askLater(sql, later));
    }
    this.tellOf(branches, ends);
    return reportOf(ends);
  }

  private async endAll(
    branches: readonly DoubtfulBranch[],
    verdicts: ReadonlyMap<string, Verdict>,
  ): Promise<readonly BranchEnd[]> {
    const ends: BranchEnd[] = [];
    const waiting = branches.entries();
    const worker = async (): Promise<void> => {
      for (const [index, branch] of waiting) {
        // oxlint-disable-next-line no-await-in-loop -- the workers share the branches, each takes one after the other
        ends[index] = await endBranch(this.options.participant, branch, verdicts.get(keyOf(branch.doubt)));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    return ends;
  }

  private laterQuestion({ doubt, askCount }: DoubtfulBranch, end: BranchEnd | undefined): LaterQuestion[] {
    if (end === undefined || end.what === 'confirmed' || end.what === 'undone') {
      return [];
    }
    const { gid, branchId } = doubt;
    const trouble = end.what === 'trouble' ? end.trouble : undefined;
    return [{ gid, branchId, pauseMs: pauseBefore(askCount + 1, end, this.ports.random), trouble }];
  }

  private tellOf(branches: readonly DoubtfulBranch[], ends: readonly BranchEnd[]): void {
    for (const [index, { doubt }] of branches.entries()) {
      const end = ends[index];
      if (end?.what === 'trouble' && end.trouble !== doubt.trouble) {
        const { gid, branchId, action } = doubt;
        this.warn({ gid, branchId, action, error: end.trouble }, 'branch in doubt could not be ended');
      }
      if (end?.what === 'people' && this.isNews(keyOf(doubt))) {
        const { gid, branchId, action } = doubt;
        this.warn({ gid, branchId, action, reason: end.reason }, ASK_PEOPLE);
      }
    }
  }

  private isNews(key: string): boolean {
    const isNew = !this.toldPeople.has(key);
    this.toldPeople.add(key);
    if (this.toldPeople.size > REMEMBERED_MAX) {
      const [oldest = key] = this.toldPeople;
      this.toldPeople.delete(oldest);
    }
    return isNew;
  }

  private warn(fields: object, message: string): void {
    this.options.log?.warn({ service: this.options.participant.service, ...fields }, message);
  }

  private tell({ asked, confirmed, undone }: SweepReport): void {
    if (confirmed + undone > 0) {
      const { service } = this.options.participant;
      this.options.log?.info({ service, asked, confirmed, undone }, 'branches in doubt ended');
    }
  }
}

const ASK_PEOPLE =
  'a branch is in doubt, and the coordinator cannot know what was decided; a person has to look';

/** By name, not by place: an answer that is one too short must not end another branch. */
function verdictsByBranch(verdicts: readonly Verdict[]): ReadonlyMap<string, Verdict> {
  return new Map(verdicts.map((verdict) => [keyOf(verdict), verdict]));
}

function keyOf({ gid, branchId }: { readonly gid: string; readonly branchId: string }): string {
  return `${gid} ${branchId}`;
}

function reportOf(ends: readonly BranchEnd[]): SweepReport {
  const counts = { ...NOTHING, asked: ends.length };
  for (const { what } of ends) {
    counts[what] += 1;
  }
  return counts;
}

function sumOf(left: SweepReport, right: SweepReport): SweepReport {
  const names = Object.keys(NOTHING) as (keyof SweepReport)[];
  return Object.fromEntries(names.map((name) => [name, left[name] + right[name]])) as SweepReport;
}
