import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { planOfSeed, type SimulationPlan } from '../plan/simulation.plan.js';
import { readPlanFile, type PlanFile } from '../plan/plan.file.js';
import type { ExplainedFailure, Explanation } from '../shrink/explanation.js';
import type { FailedSeed } from '../volume/tally.js';
import { runVolume } from '../volume/volume.js';
import { WorkerProcess } from '../volume/worker.process.js';
import type { Arguments } from './arguments.js';
import { currentCommit } from './commit.js';
import { failureReport } from './failure.report.js';
import { Progress } from './progress.js';
import { tallyReport } from './tally.report.js';

/** So long the smallest plan that fails is looked for. */
const SHRINK_MS = 20_000;

/** So many failures are explained; of more, the seeds are told. */
const EXPLAINED_MAX = 3;

/** Does what was asked for, and returns the exit code: 1 when a promise was broken. */
export async function simulateCommand(given: Arguments): Promise<number> {
  if (given.seed !== undefined) {
    return replay(given, { plan: planOfSeed(given.seed), bug: given.bug });
  }
  if (given.plan !== undefined) {
    const { plan, bug } = readPlanFile(given.plan);
    return replay(given, { plan, bug: given.bug ?? bug });
  }
  return runMany(given);
}

async function replay(
  given: Arguments,
  { plan, bug }: { readonly plan: SimulationPlan; readonly bug: string | undefined },
): Promise<number> {
  const explanation = await explain(plan, {
    ...given,
    bug,
    isShrinking: given.shrinks,
  });
  if (given.trace === undefined) {
    write([...explanation.trace, '']);
  } else {
    writeFileSync(given.trace, `${explanation.trace.join('\n')}\n`);
  }
  if (!hasFailed(explanation)) {
    write([`Seed ${plan.seed}: every promise was kept.`]);
    return 0;
  }
  tell(plan, explanation, { ...given, bug });
  return 1;
}

async function runMany(given: Arguments): Promise<number> {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  const { forMinutes = Number.POSITIVE_INFINITY } = given;
  const progress = new Progress(process.stdout);
  const tally = await runVolume({
    ...given,
    stopsAtFirst: given.bug !== undefined,
    isOver: () => seconds() > 60 * forMinutes,
    onProgress: (sofar) => {
      progress.show(sofar);
    },
  });
  progress.end();
  const elapsed = seconds();
  const chosen = worthExplaining(tally.failed);
  for (const { seed } of chosen) {
    const plan = planOfSeed(seed);
    // oxlint-disable-next-line no-await-in-loop -- one after the other, for they are read so
    const explanation = await explain(plan, { ...given, isShrinking: given.shrinks });
    if (hasFailed(explanation)) {
      tell(plan, explanation, given);
    } else {
      write([`Seed ${seed} failed, and when it was run again it did not: something hidden decides.`]);
    }
    write(['']);
  }
  write(tallyReport(tally, elapsed));
  if (tally.failed.length > 0) {
    write(['', ...failedSeeds(tally.failed)]);
  }
  return tally.failed.length === 0 ? 0 : 1;
}

async function explain(
  plan: SimulationPlan,
  { bug, isShrinking }: { readonly bug?: string | undefined; readonly isShrinking: boolean },
): Promise<Explanation> {
  const worker = new WorkerProcess(bug);
  try {
    return await worker.explain(plan, isShrinking ? SHRINK_MS : 0);
  } finally {
    worker.end();
  }
}

function hasFailed(
  explanation: Explanation,
): explanation is Explanation & { readonly failure: ExplainedFailure } {
  return explanation.failure !== undefined;
}

/** Shows a failure, and keeps its plan in a file. */
function tell(
  plan: SimulationPlan,
  explanation: Explanation & { readonly failure: ExplainedFailure },
  given: Arguments,
): void {
  const commit = currentCommit();
  const { failure } = explanation;
  write(failureReport(plan, explanation, { commit, bug: given.bug }));
  const kept: PlanFile = {
    promise: failure.promise,
    message: failure.message,
    commit,
    bug: given.bug,
    plan: failure.smallest?.plan ?? (failure.isReproduced ? failure.recorded : plan),
  };
  mkdirSync(given.out, { recursive: true });
  const path = join(given.out, `seed-${plan.seed}${given.bug === undefined ? '' : `-${given.bug}`}.json`);
  writeFileSync(path, `${JSON.stringify(kept, undefined, 2)}\n`);
  write(['', 'Run it again with', `  npm run simulate -- --plan ${relative('.', path)}`]);
}

/** One of each promise first: ten seeds that show the same are one failure. */
function worthExplaining(failed: readonly FailedSeed[]): readonly FailedSeed[] {
  const ofNewPromise = failed.filter(
    ({ failure }, index) => failed.findIndex((other) => other.failure.promise === failure.promise) === index,
  );
  return ofNewPromise.slice(0, EXPLAINED_MAX);
}

function failedSeeds(failed: readonly FailedSeed[]): string[] {
  const shown = failed.slice(0, 20).map(({ seed, failure }) => {
    const [headline = ''] = failure.message.split('\n');
    return `  ${seed}  ${headline}`;
  });
  const left = failed.length - shown.length;
  return ['Seeds that failed', ...shown, ...(left > 0 ? [`  and ${left} more`] : [])];
}

function write(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
