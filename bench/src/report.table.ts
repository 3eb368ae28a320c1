import Table from 'cli-table3';
import type { DoubtsResult } from './led/doubts.js';
import type { CpuReading } from './rig.js';
import type { StretchResult } from './stretch.js';

const CPU_HEAD = ['CPU s per 1,000: coordinator', 'postgres', 'participant', 'load'];

/** Returns a line for each stretch of load. */
export function stretchTable(
  lines: readonly { readonly task: string; readonly inFlight: number; readonly result: StretchResult }[],
): string {
  const head = [
    'task',
    'in flight',
    'tx/s',
    'p50 ms',
    'p99 ms',
    'inserted/tx',
    'updated/tx',
    'commits/tx',
    'WAL B/tx',
  ];
  return tableOf(
    [...head, ...CPU_HEAD],
    lines.map(({ task, inFlight, result: { load, seconds, log, cpu } }) => [
      task,
      String(inFlight),
      fixed(load.count / seconds, 0),
      fixed(load.p50, 1),
      fixed(load.p99, 1),
      (log.inserted / load.count).toFixed(3),
      (log.updated / load.count).toFixed(3),
      (log.commits / load.count).toFixed(3),
      (log.wal / load.count).toFixed(0),
      ...cpuCells(cpu, load.count),
    ]),
  );
}

/** Returns a line for each pass over branches in doubt. */
export function doubtsTable(results: readonly DoubtsResult[]): string {
  const head = [
    'all answered',
    'questions',
    'pass s',
    'of it asking s',
    'questions/s',
    'while asking/s',
    'log rows',
  ];
  return tableOf(
    [...head, 'commits', 'WAL B each', ...CPU_HEAD],
    results.map(({ answer, pass: { report, seconds, askSeconds }, log, cpu }) => [
      answer,
      String(report.asked),
      seconds.toFixed(1),
      askSeconds.toFixed(1),
      (report.asked / seconds).toFixed(0),
      (report.asked / askSeconds).toFixed(0),
      log.inserted.toFixed(0),
      log.commits.toFixed(0),
      (log.wal / report.asked).toFixed(0),
      ...cpuCells(cpu, report.asked),
    ]),
  );
}

function cpuCells({ coordinator, postgres, participant, load }: CpuReading, count: number): string[] {
  return [coordinator, postgres, participant, load].map((used) => fixed((used / count) * 1_000, 3));
}

/** What could not be measured is not zero. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

/** Returns a table as text. */
export function tableOf(head: string[], lines: readonly string[][]): string {
  const table = new Table({ style: { head: [], border: [] }, head });
  table.push(...lines);
  return table.toString();
}
