import Table from 'cli-table3';
import type { Standing } from './example.js';

/** What a run did, besides what the databases tell. */
export interface RunFigures {
  readonly latenciesMs: readonly number[];
  readonly durationMs: number;
}

export interface Report {
  readonly noun: string;
  readonly totalCount: number;
  readonly stuckCount: number;
  /** By what commands went. */
  readonly transport: 'HTTP' | 'Kafka';
  readonly standing: Standing;
  /** Undefined when there was nothing left to do. */
  readonly run: RunFigures | undefined;
}

/** No lines between the rows. */
const NO_RULES = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** Tells whether nothing is open and nothing is wrong. Where there was work and none of it was done, something is. */
export function isWell({ stuckCount, standing, totalCount }: Report): boolean {
  const isAnyDone = totalCount === 0 || standing.committedCount > 0;
  const isClosed = stuckCount === 0 && standing.undecidedCount === 0;
  return isAnyDone && isClosed && standing.checks.every(({ holds }) => holds);
}

/** Returns what to look at where all is not well and no check says why. */
export function renderHints(
  { noun, totalCount, stuckCount, standing }: Report,
  coordinatorUrl: string,
): string[] {
  const isNoneDone = totalCount > 0 && standing.committedCount === 0;
  return [
    ...(stuckCount > 0 ? [`Those that are stuck: curl '${coordinatorUrl}/v1/transactions?stuck=true'`] : []),
    ...(isNoneDone ? [`None of the ${noun} committed, so something is wrong: look into the logs.`] : []),
  ];
}

/** Returns the report as a table of two columns. */
export function renderReport(report: Report): string {
  const { noun, totalCount, transport, standing, stuckCount, run } = report;
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'], chars: NO_RULES });
  const aborted = [...standing.abortedCounts].map(([reason, count]) => [
    `Aborted: ${reason}`,
    countText(count),
  ]);
  table.push(
    [capital(noun), countText(totalCount)],
    ['Commands over', transport],
    ['Committed', countText(standing.committedCount)],
    ...aborted,
    ['Stuck', countText(stuckCount)],
    ...(standing.undecidedCount > 0 ? [['Not decided', countText(standing.undecidedCount)]] : []),
    ...(run === undefined ? [] : runRows(noun, run)),
    ...standing.checks.map(({ label, value }) => [label, value]),
  );
  return table.toString();
}

/** Returns a line for each of the first violations, and one for the rest. */
export function renderViolations({ standing }: Report): string[] {
  const violations = standing.checks.flatMap((check) => check.violations);
  const rest = violations.length - SHOWN_COUNT;
  const shown = violations.slice(0, SHOWN_COUNT).map((violation) => `  ${capital(violation)}.`);
  return rest > 0 ? [...shown, `  And ${countText(rest)} more.`] : shown;
}

const SHOWN_COUNT = 5;

function runRows(noun: string, { latenciesMs, durationMs }: RunFigures): string[][] {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return [
    [`${capital(noun)} per second`, countText(perSecond(sorted.length, durationMs))],
    ['Latency, median', msText(percentile(sorted, 50))],
    ['Latency, 99 of 100', msText(percentile(sorted, 99))],
  ];
}

/** Returns how many of `count` came in a second. */
export function perSecond(count: number, durationMs: number): number {
  return durationMs > 0 ? Math.round((count * 1_000) / durationMs) : 0;
}

/** Returns the value that `percent` of the sorted values do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}

/** Returns a number with commas between its thousands. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

function msText(ms: number): string {
  return `${countText(Math.round(ms))} ms`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
