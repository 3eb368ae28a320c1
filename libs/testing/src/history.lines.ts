import type { TransactionView } from '@atone/protocol';
import { withoutRuns } from './message.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gu;

/**
 * Returns what happened to a transaction, a line each: without ids and times, so that the same story has the same lines
 * in every run.
 */
export function historyLines({ history }: TransactionView): string {
  const lines = history.map(lineOf);
  return withoutRuns(lines.join('\n')).replaceAll(UUID, '<id>');
}

function lineOf({
  what,
  branchId,
  round = 1,
  attempt = 1,
  by,
  message,
}: TransactionView['history'][number]): string {
  return [
    ...(branchId === undefined ? [] : [branchId]),
    what,
    ...(round > 1 ? [`(round ${round})`] : []),
    ...(attempt > 1 ? [`(attempt ${attempt})`] : []),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(message === undefined ? [] : [`– ${message}`]),
  ].join(' ');
}
