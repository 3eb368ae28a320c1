import type { Tally } from '../volume/tally.js';
import { byCount, timeInWords, whole } from './words.js';

/** Returns what many runs added up to, as a table. */
export function tallyReport(tally: Tally, seconds: number): string[] {
  return [
    ...aligned([
      ['runs', whole(tally.runCount), `${whole(tally.runCount / seconds)}/s, ${tally.failed.length} failed`],
      ['events', whole(tally.eventCount), `${whole(tally.eventCount / seconds)}/s`],
      ['simulated time', timeInWords(tally.simulatedMs), `in ${seconds.toFixed(1)} s`],
      [
        'transactions',
        whole(tally.transactionCount),
        `${whole(tally.committedCount)} committed, ${whole(tally.abortedCount)} aborted`,
      ],
    ]),
    '',
    'Faults',
    ...aligned(byCount(tally.faults).map(([kind, count]) => [`  ${kind}`, whole(count), ''])),
    '',
    'Failpoints passed',
    ...aligned(byCount(tally.failpoints).map(([name, count]) => [`  ${name}`, whole(count), ''])),
  ];
}

function aligned(rows: readonly (readonly [string, string, string])[]): string[] {
  const nameWidth = Math.max(0, ...rows.map(([name]) => name.length));
  const countWidth = Math.max(0, ...rows.map(([, count]) => count.length));
  return rows.map(([name, count, more]) =>
    `${name.padEnd(nameWidth)}  ${count.padStart(countWidth)}  ${more}`.trimEnd(),
  );
}
