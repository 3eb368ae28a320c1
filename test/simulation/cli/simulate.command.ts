import { writeFileSync } from 'node:fs';
import { modeOf } from '../bugs/planted.bugs.js';
import { planOfSeed, type SimulationPlan } from '../plan/simulation.plan.js';
import { readPlanFile } from '../plan/plan.file.js';
import { runVolume } from '../volume/volume.js';
import type { Arguments } from './arguments.js';
import { explainApart, explainFailed, report } from './failed.seeds.js';
import { Progress } from './progress.js';
import { tallyReport } from './tally.report.js';

/** Does what was asked for, and returns the exit code: 1 when a promise was broken. */
export async function simulateCommand(given: Arguments): Promise<number> {
  if (given.seed !== undefined) {
    return replay(planOfSeed(given.seed, modeOf(given.bug)), given);
  }
  if (given.plan !== undefined) {
    const { plan, bug } = readPlanFile(given.plan);
    return replay(plan, { ...given, bug: given.bug ?? bug });
  }
  return runMany(given);
}

async function replay(plan: SimulationPlan, given: Arguments): Promise<number> {
  const explanation = await explainApart(plan, given);
  if (given.trace === undefined) {
    write([...explanation.trace, '']);
  } else {
    writeFileSync(given.trace, `${explanation.trace.join('\n')}\n`);
  }
  const failure = report(plan, explanation, given);
  write(failure ?? [`Seed ${plan.seed}: every promise was kept.`]);
  return failure === undefined ? 0 : 1;
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
  const table = tallyReport(tally, seconds());
  const failures = await explainFailed(tally.failed, given);
  write([...table, ...(failures.length === 0 ? [] : ['', ...failures])]);
  return tally.failed.length === 0 ? 0 : 1;
}

function write(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
