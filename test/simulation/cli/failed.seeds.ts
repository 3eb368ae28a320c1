import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { modeOf } from '../bugs/planted.bugs.js';
import { planOfSeed, type SimulationPlan } from '../plan/simulation.plan.js';
import type { PlanFile } from '../plan/plan.file.js';
import type { Explanation } from '../shrink/explanation.js';
import type { FailedSeed } from '../volume/tally.js';
import { WorkerProcess } from '../volume/worker.process.js';
import { currentCommit } from './commit.js';
import { failureReport } from './failure.report.js';

/** How failures are explained. */
export interface Explaining {
  readonly bug?: string | undefined;
  /** Whether the smallest plan that fails is looked for. */
  readonly shrinks: boolean;
  /** The folder for plans. */
  readonly out: string;
}

/** So long the smallest plan that fails is looked for. */
const SHRINK_MS = 20_000;

/** So many failures are explained; of more, the seeds are told. */
const EXPLAINED_MAX = 3;

const TOLD_MAX = 20;

/** Returns all that is to be said of the seeds that failed: what broke, and which plan shows it. */
export async function explainFailed(failed: readonly FailedSeed[], how: Explaining): Promise<string[]> {
  if (failed.length === 0) {
    return [];
  }
  const lines: string[] = [];
  for (const { seed } of worthExplaining(failed)) {
    const plan = planOfSeed(seed, modeOf(how.bug));
    // oxlint-disable-next-line no-await-in-loop -- one after the other, for they are read so
    const explanation = await explainApart(plan, how);
    lines.push(...(report(plan, explanation, how) ?? [hiddenCause(seed)]), '');
  }
  return [...lines, ...listOf(failed)];
}

/** Runs a plan in a process of its own, so that a bug can be planted there. */
export async function explainApart(
  plan: SimulationPlan,
  { bug, shrinks }: Pick<Explaining, 'bug' | 'shrinks'>,
): Promise<Explanation> {
  const worker = new WorkerProcess(bug);
  try {
    return await worker.explain(plan, shrinks ? SHRINK_MS : 0);
  } finally {
    worker.end();
  }
}

/** Returns what is to be said of a run that failed, and keeps its plan in a file; undefined if it did not fail. */
export function report(
  plan: SimulationPlan,
  { trace, failure }: Explanation,
  { bug, out }: Explaining,
): string[] | undefined {
  if (failure === undefined) {
    return undefined;
  }
  const commit = currentCommit();
  const kept: PlanFile = {
    promise: failure.promise,
    message: failure.smallest?.message ?? failure.message,
    commit,
    bug,
    plan: failure.smallest?.plan ?? (failure.isReproduced ? failure.recorded : plan),
  };
  mkdirSync(out, { recursive: true });
  const path = join(out, `seed-${plan.seed}${bug === undefined ? '' : `-${bug}`}.json`);
  writeFileSync(path, `${JSON.stringify(kept, undefined, 2)}\n`);
  return [
    ...failureReport(plan, { trace, failure }, { commit, bug }),
    '',
    'Run it again with',
    `  npm run simulate -- --plan ${relative('.', path)}`,
  ];
}

/** One of each promise: ten seeds that show the same are one failure. */
function worthExplaining(failed: readonly FailedSeed[]): readonly FailedSeed[] {
  const isNew = ({ failure }: FailedSeed, index: number): boolean =>
    failed.findIndex((other) => other.failure.promise === failure.promise) === index;
  return failed.filter(isNew).slice(0, EXPLAINED_MAX);
}

function listOf(failed: readonly FailedSeed[]): string[] {
  const shown = failed.slice(0, TOLD_MAX).map(({ seed, failure }) => {
    const [headline = ''] = failure.message.split('\n');
    return `  ${seed}  ${headline}`;
  });
  const left = failed.length - shown.length;
  return ['Seeds that failed', ...shown, ...(left > 0 ? [`  and ${left} more`] : [])];
}

function hiddenCause(seed: number): string {
  return `Seed ${seed} failed, and did not when it was run again: something other than the seed decides.`;
}
