import { fixed, tableOf } from '../report.table.js';
import { comparisonsOf, percent } from './comparison.check.js';
import type { ComparedStretch } from './comparison.js';

const HEAD = ['library', 'in flight', 'who', 'tx/s', 'p50 ms', 'p99 ms', 'rows/tx', 'commits/tx', 'WAL B/tx'];
const CPU_HEAD = ['CPU s per 1,000: coordinator', 'postgres', 'broker', 'participant', 'load'];

/** Returns a line for each stretch, in their order. */
export function comparisonTable(stretches: readonly ComparedStretch[]): string {
  return tableOf([...HEAD, ...CPU_HEAD], stretches.map(cells));
}

/** Returns a line for each library and load. */
export function shareTable(stretches: readonly ComparedStretch[]): string {
  return tableOf(
    ['library', 'in flight', 'rate of Atone by that of the prototype'],
    comparisonsOf(stretches).map(({ library, inFlight, share }) => [
      library,
      String(inFlight),
      percent(share),
    ]),
  );
}

function cells({ library, inFlight, name, stretch }: ComparedStretch): string[] {
  const { load, seconds, log, cpu } = stretch;
  const { count, p50, p99 } = load;
  const used = [cpu.coordinator, cpu.postgres, cpu.broker, cpu.participant, cpu.load];
  return [
    library,
    String(inFlight),
    name,
    fixed(count / seconds, 0),
    fixed(p50, 1),
    fixed(p99, 1),
    fixed((log.inserted + log.updated) / count, 3),
    fixed(log.commits / count, 3),
    fixed(log.wal / count, 0),
    ...used.map((one) => fixed((one / count) * 1_000, 3)),
  ];
}
