import { performance } from 'node:perf_hooks';
import type { LoadResult } from './load.js';
import type { LogReading } from './log.meter.js';
import type { Stretch, Task } from './promise.check.js';
import type { CpuReading, Rig } from './rig.js';

/** What a stretch of load came to. */
export interface StretchResult {
  readonly load: LoadResult;
  /** Until the last transaction had ended, which is later than that its caller was told the outcome. */
  readonly seconds: number;
  readonly log: LogReading;
  readonly cpu: CpuReading;
}

/** Returns what `bearing` a load took, and what it cost until all of it had ended. */
export async function measure(rig: Rig, bearing: () => Promise<LoadResult>): Promise<StretchResult> {
  const logBefore = await rig.log.read();
  const cpuBefore = rig.cpu();
  const from = performance.now();
  const load = await bearing();
  await rig.log.untilEnded();
  const seconds = (performance.now() - from) / 1_000;
  const cpu = difference(rig.cpu(), cpuBefore);
  return { load, seconds, log: difference(await rig.log.read(), logBefore), cpu };
}

/** Returns what is promised of a stretch, for each transaction. */
export function stretchOf(
  { load: { count }, log: { commits, inserted, updated } }: Pick<StretchResult, 'load' | 'log'>,
  shape: { readonly task: Task; readonly inFlight: number },
): Stretch {
  const each = (sum: number): number => sum / count;
  return { ...shape, commits: each(commits), inserted: each(inserted), updated: each(updated) };
}

/** Returns what was used between two readings. */
export function difference<Name extends string>(
  after: Readonly<Record<Name, number>>,
  before: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(after) as Name[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<Name, number>;
}
