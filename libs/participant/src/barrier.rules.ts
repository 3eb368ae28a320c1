import type { BranchReply } from '@atone/core';
import type { ActionCall, BarrierCall } from './barrier.port.js';
import type { BarrierRow } from './barrier.row.js';
import { inputHash } from './canonical-json.js';

/** What a stored row makes of a command: an answer, or something to do first. */
export type Verdict<Act> = { readonly reply: BranchReply } | { readonly act: Act };

/*
 * What each row answers (r: the command's round, R: the stored one):
 *
 *            action                  compensate               close-action           close-compensate
 *  no row    run                     → undone, empty          → refused at r: closed → undone, empty
 *  done      done                    run; r ≤ R of a refusal: done                   store refusal at r: closed
 *                                    refused
 *  refused   r ≤ R: refused, r > R:  → undone, empty          raise R to r: closed   → undone, empty
 *            run again
 *  undone    already-undone          undone                   already-undone         undone
 *  running   a handler has ended its own transaction: an error, and nothing is known
 */

/** Decides on an action whose branch has a row. */
export function judgeAction(row: BarrierRow, call: ActionCall): Verdict<'run'> {
  if (row.state === 'undone') {
    return { reply: { outcome: 'already-undone' } };
  }
  const difference = call.round > row.round ? undefined : differenceOf(row, call);
  if (difference !== undefined) {
    return { reply: difference };
  }
  switch (row.state) {
    case 'done':
      return { reply: doneOf(row) };
    case 'refused':
      return call.round > row.round ? { act: 'run' } : { reply: refusedOf(row.refusal) };
    case 'running':
      return { reply: torn(call) };
  }
}

/** Decides on a compensation whose branch has a row. */
export function judgeUndo(row: BarrierRow, call: BarrierCall): Verdict<'run' | 'mark-undone'> {
  const difference = row.state === 'undone' ? undefined : nameDifferenceOf(row, call);
  if (difference !== undefined) {
    return { reply: difference };
  }
  switch (row.state) {
    case 'done':
      return call.round > row.undoRound ? { act: 'run' } : { reply: refusedOf(row.undoRefusal) };
    case 'refused':
      return { act: 'mark-undone' };
    case 'undone':
      return { reply: { outcome: 'undone', wasEmpty: row.wasEmpty } };
    case 'running':
      return { reply: torn(call) };
  }
}

/** Decides on closing a round of the action. An operator may do that where names no longer agree. */
export function judgeCloseAction(row: BarrierRow, call: BarrierCall): Verdict<'raise-round'> {
  switch (row.state) {
    case 'done':
      return { reply: doneOf(row) };
    case 'refused':
      return { act: 'raise-round' };
    case 'undone':
      return { reply: { outcome: 'already-undone' } };
    case 'running':
      return { reply: torn(call) };
  }
}

/** Decides on closing a round of the compensation. */
export function judgeCloseUndo(row: BarrierRow, call: BarrierCall): Verdict<'store-refusal' | 'mark-undone'> {
  switch (row.state) {
    case 'done':
      return call.round > row.undoRound ? { act: 'store-refusal' } : { reply: { outcome: 'closed' } };
    case 'refused':
      return { act: 'mark-undone' };
    case 'undone':
      return { reply: { outcome: 'undone', wasEmpty: row.wasEmpty } };
    case 'running':
      return { reply: torn(call) };
  }
}

function doneOf(row: BarrierRow): BranchReply {
  return { outcome: 'done', output: row.output ?? null };
}

function refusedOf(refusal: BarrierRow['refusal']): BranchReply {
  return { outcome: 'refused', refusal: { reason: 'refused', ...refusal, isStored: true } };
}

function differenceOf(row: BarrierRow, call: ActionCall): BranchReply | undefined {
  const difference = nameDifferenceOf(row, call);
  if (difference !== undefined || row.inputHash === undefined || row.inputHash === inputHash(call.input)) {
    return difference;
  }
  return badPayload(
    `Branch ${call.branchId} of ${call.gid} came before as ${row.service}.${row.action} with another input ` +
      `(SHA-256 ${row.inputHash.slice(0, 12)}…, now ${inputHash(call.input).slice(0, 12)}…). A repeat must carry the same.`,
  );
}

function nameDifferenceOf(row: BarrierRow, call: BarrierCall): BranchReply | undefined {
  if (row.service === call.service && row.action === call.action) {
    return undefined;
  }
  return badPayload(
    `Branch ${call.branchId} of ${call.gid} is ${row.service}.${row.action} here, and now ${call.service}.${call.action} ` +
      'is asked under the same id. A repeat must name the same action.',
  );
}

function badPayload(message: string): BranchReply {
  return { outcome: 'unknown', error: { class: 'bad-payload', message } };
}

function torn(call: BarrierCall): BranchReply {
  const message =
    `The handler of branch ${call.branchId} of ${call.gid} ended the transaction itself before it was through, so ` +
    'nobody knows what it wrote. See what is there, and take COMMIT and ROLLBACK out of the handler.';
  return { outcome: 'unknown', error: { class: 'code', message } };
}
