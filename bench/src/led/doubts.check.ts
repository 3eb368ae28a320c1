import type { Verdict } from '../promise.check.js';
import type { DoubtsResult } from './doubts.js';

/** Returns whether each branch was told the same, and whether the log wrote a row for each presumed abort and no other. */
export function doubtsVerdict({ answer, transactionCount, pass, log }: DoubtsResult): Verdict {
  const { asked, undone, waiting } = pass.report;
  const told = answer === 'undo' ? undone : waiting;
  const rowCount = answer === 'undo' ? transactionCount : 0;
  const isGood = told === asked && asked > 0 && log.inserted === rowCount && log.updated === 0;
  const said =
    `${asked} branches of ${transactionCount} transactions asked about, ${told} told to ${answer}; ` +
    `${log.inserted} rows inserted and ${log.updated} updated, of which ${rowCount} and 0 are promised`;
  return { isGood, line: `${isGood ? 'Good' : 'Not good'}: doubts: ${said}.` };
}
