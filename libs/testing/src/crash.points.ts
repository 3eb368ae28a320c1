import type { TransactionView } from '@atone/protocol';
import { crashPointsOf, type CrashPoint, type Happening } from './crash.point.list.js';
import {
  CrashPointsError,
  messageOf,
  wrongFromTheStart,
  type CrashPointFailure,
  type Findings,
} from './crash.points.error.js';
import { MishapTap, RecordingTap, TwoTaps, type Spot } from './crash.tap.js';
import { historyLines } from './history.lines.js';
import type { Tap } from './message.js';
import { MissedFaults, type PlannedFault } from './planned.fault.js';

/** Does what is to be tested, with keys that no other run has used: `run` counts them from 1. */
export type RunTransaction = (run: number) => unknown;

/** A run, when all is quiet again. */
export interface FinishedRun {
  /** From 1. */
  readonly run: number;
  /** What happened in it; undefined in the undisturbed one. */
  readonly point: string | undefined;
  /** What the run returned. */
  readonly result: unknown;
  /** What the run threw: where something happens it may well end with an error. */
  readonly error: unknown;
  readonly transactions: readonly TransactionView[];
}

/** Throws, or returns false, when something is wrong. */
export type Invariant = (finished: FinishedRun) => unknown;

export interface CrashPointOptions {
  /** Only the points of this name, or of names that match. */
  readonly only?: string | RegExp | undefined;
  /** Comes before each run: empties tables, plans faults that belong to the story. */
  readonly before?: ((run: number) => unknown) | undefined;
  /** Whether a transaction may wait for an operator at the end. Default: no. */
  readonly allowStuck?: boolean | undefined;
}

/** What was done. */
export interface CrashPointSummary {
  /** What has happened, each in a run of its own. */
  readonly points: readonly string[];
  /** With the undisturbed one. */
  readonly runCount: number;
}

/** What the runs need of their coordinator. */
export interface CrashWorld {
  setTap(tap: Tap | undefined): void;
  reset(): Promise<void>;
  quiet(): Promise<void>;
  transactions(): Promise<readonly TransactionView[]>;
  /** What was planned since the last reset. */
  faults(): readonly PlannedFault[];
  /** Does what the initiator does. @throws InitiatorCrashedError when that is made to crash. */
  lead(work: () => Promise<unknown>): Promise<unknown>;
  /** Which branches in doubt could not be ended, and why. */
  troubles(): readonly string[];
}

interface Experiment {
  readonly run: RunTransaction;
  readonly invariant: Invariant;
  readonly options: CrashPointOptions;
}

/** Runs the transaction undisturbed, and then once for each point. @throws CrashPointsError */
export async function visitCrashPoints(
  world: CrashWorld,
  experiment: Experiment,
): Promise<CrashPointSummary> {
  const { options } = experiment;
  const series = new RunSeries(world, experiment);
  const recording = new RecordingTap();
  const transactions = await series.playUndisturbed(recording);
  const all = [
    ...crashPointsOf(recording.spots, transactions),
    ...(await pointsInDoubt(recording.spots, series)),
  ];
  const points = all.filter(({ name }) => isWanted(name, options));
  if (points.length === 0) {
    throw new Error(whyNothing(all, options));
  }
  const findings = await findingsAt(points, series);
  await world.reset();
  if (findings.failures.length > 0) {
    throw new CrashPointsError(findings, series.runCount);
  }
  // One at a compensation, say, happens only in some of the runs.
  if (options.only === undefined) {
    series.faults.requireNone();
  }
  return { points: points.map(({ name }) => name), runCount: series.runCount };
}

/**
 * Who leads a transaction and crashes before the decision leaves its participants in doubt, and they ask. Returns what may
 * happen then.
 */
async function pointsInDoubt(spots: readonly Spot[], series: RunSeries): Promise<readonly CrashPoint[]> {
  const decision = spots.find(({ place }) => place.type === 'request' && place.request.from === 'initiator');
  if (decision === undefined) {
    return [];
  }
  const crash = { spot: decision, mishap: 'sender-dies-before' } as const;
  const recording = new RecordingTap();
  const transactions = await series.record(crash, recording);
  const known = new Set(crashPointsOf(spots, []).map(({ name }) => name));
  return crashPointsOf(recording.spots, transactions)
    .filter(({ name, spot }) => !known.has(name) && isOfDoubt(spot))
    .map((point) => ({ ...point, name: `${IN_DOUBT}${point.name}`, after: crash }));
}

const IN_DOUBT = 'initiator crashes, and ';

function isOfDoubt({ place }: Spot): boolean {
  switch (place.type) {
    case 'question':
    case 'participant':
      return true;
    case 'coordinator':
      return place.name.startsWith('engine.doubt.');
    case 'request':
      return place.request.from === 'participant';
    case 'command':
    case 'reply':
      return false;
  }
}

async function findingsAt(points: readonly CrashPoint[], series: RunSeries): Promise<Findings> {
  const failures: CrashPointFailure[] = [];
  for (const point of points) {
    // oxlint-disable-next-line no-await-in-loop -- one run after the other.
    const failure = await series.play(point);
    if (failure !== undefined) {
      failures.push(failure);
      // oxlint-disable-next-line no-await-in-loop
      if (point !== points.at(-1) && (await series.isSpoilt())) {
        return { failures, isCutShort: true };
      }
    }
  }
  return { failures, isCutShort: false };
}

/** Makes one run after the other, and counts them. */
class RunSeries {
  runCount = 0;
  readonly faults = new MissedFaults();

  constructor(
    private readonly world: CrashWorld,
    private readonly experiment: Experiment,
  ) {}

  /** @throws whatever the run or the invariant throws. */
  async playUndisturbed(tap?: Tap): Promise<readonly TransactionView[]> {
    const finished = await this.run(undefined, tap);
    if (finished.error !== undefined) {
      throw finished.error;
    }
    await this.judge(finished).catch((error: unknown) => {
      throw wrongFromTheStart({ error, histories: historiesOf(finished) });
    });
    return finished.transactions;
  }

  /** Makes a run in which something happens, and notes what is passed in it. */
  async record({ spot, mishap }: Happening, recording: RecordingTap): Promise<readonly TransactionView[]> {
    const { transactions } = await this.run(undefined, new TwoTaps(new MishapTap(spot, mishap), recording));
    return transactions;
  }

  /** Returns what is wrong after the run; undefined where all is well. */
  async play(point: CrashPoint): Promise<CrashPointFailure | undefined> {
    const tap = new MishapTap(point.spot, point.mishap);
    const { after } = point;
    const before = after && new MishapTap(after.spot, after.mishap);
    const finished = await this.run(point.name, before === undefined ? tap : new TwoTaps(before, tap));
    try {
      requireReached(tap, finished);
      await this.judge(finished);
      return undefined;
    } catch (error) {
      return { point: point.name, error, histories: historiesOf(finished) };
    }
  }

  /** Tells whether what was wrong after a run is wrong ever after. */
  async isSpoilt(): Promise<boolean> {
    return this.playUndisturbed().then(
      () => false,
      () => true,
    );
  }

  /** A branch whose end fails for good is as bad as a transaction that is stuck. */
  private async judge(finished: FinishedRun): Promise<void> {
    await check(this.experiment, finished);
    const [trouble] = this.world.troubles();
    if (trouble !== undefined && this.experiment.options.allowStuck !== true) {
      throw new Error(`A branch in doubt could not be ended: ${trouble}`);
    }
  }

  private async run(point: string | undefined, tap: Tap | undefined): Promise<FinishedRun> {
    const { run, options } = this.experiment;
    const { world } = this;
    this.runCount += 1;
    const number = this.runCount;
    await world.reset();
    await options.before?.(number);
    world.setTap(tap);
    const ended = await ending(() => world.lead(async () => run(number)));
    await world.quiet();
    world.setTap(undefined);
    this.faults.note(world.faults());
    return { run: number, point, ...ended, transactions: await world.transactions() };
  }
}

function requireReached(tap: MishapTap, { error }: FinishedRun): void {
  if (!tap.hasHappened) {
    const why = error === undefined ? '' : ` It threw: ${messageOf(error)}`;
    throw new Error(`${NOT_REACHED}${why}`, { cause: error });
  }
}

const NOT_REACHED =
  'This run did not get as far as the first one. Give it data of its own: `run` is given the number of the run, and `before` comes before it.';

function historiesOf({ transactions }: FinishedRun): readonly string[] {
  return transactions.map((transaction) =>
    [
      `${transaction.name}:`,
      ...historyLines(transaction)
        .split('\n')
        .map((line) => `  ${line}`),
    ].join('\n'),
  );
}

async function ending(work: () => Promise<unknown>): Promise<{ result: unknown; error: unknown }> {
  try {
    return { result: await work(), error: undefined };
  } catch (error) {
    return { result: undefined, error: error ?? new Error('The run threw nothing.') };
  }
}

async function check({ invariant, options }: Experiment, finished: FinishedRun): Promise<void> {
  const stuck = finished.transactions.find((transaction) => transaction.stuck !== undefined);
  if (stuck?.stuck !== undefined && options.allowStuck !== true) {
    const { branchId = 'one', reason, message } = stuck.stuck;
    throw new Error(`The transaction '${stuck.name}' is stuck at ${branchId}, ${reason}: ${message}`);
  }
  if ((await invariant(finished)) === false) {
    throw new Error('The invariant returned false.');
  }
}

function isWanted(name: string, { only }: CrashPointOptions): boolean {
  return only === undefined || (typeof only === 'string' ? name === only : only.test(name));
}

/** Said because a test that tests nothing must not be green. */
function whyNothing(all: readonly CrashPoint[], { only }: CrashPointOptions): string {
  return all.length === 0
    ? 'The run started no transaction at this coordinator.'
    : `There is no point ${String(only)} in this run, but these:\n\n${all.map(({ name }) => name).join('\n')}`;
}
