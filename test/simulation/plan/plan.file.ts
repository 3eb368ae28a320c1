import { readFileSync } from 'node:fs';
import { PLAIN_OPTIONS } from './options.js';
import type { SimulationPlan } from './simulation.plan.js';

/** A plan as it is kept: what it once broke, and all it takes to run it again. */
export interface PlanFile {
  /** The promise that it broke, or `error`. */
  readonly promise: string;
  readonly message: string;
  /** The commit that was run. */
  readonly commit: string;
  /** The bug that was planted, if one was. */
  readonly bug?: string | undefined;
  /** What was wrong, where somebody has found it out. */
  readonly note?: string | undefined;
  readonly plan: SimulationPlan;
}

/** Reads a plan that was kept. Options that are younger than the file are as plain as can be. */
export function readPlanFile(path: string): PlanFile {
  const file = JSON.parse(readFileSync(path, 'utf8')) as PlanFile;
  return { ...file, plan: { ...file.plan, options: { ...PLAIN_OPTIONS, ...file.plan.options } } };
}
