import type { BranchReply } from '@atone/core';
import { enlistmentOf } from './barrier.led.js';
import type { ActionCall, BarrierCall, ConfirmCall } from './barrier.port.js';
import type { BarrierRow } from './barrier.row.js';
import { inputHash } from './canonical-json.js';

/** What a stored row makes of a command: an answer, or something to do first. */
export type Verdict<Act> = { readonly reply: BranchReply } | { readonly act: Act };

/*
 * What each row answers (r: the command's round, R: the stored one):
 *
 *             action                  compensate               close-action           close-compensate
 *  no row     run                     → undone, empty          → refused at r: closed → undone, empty
 *  done       done                    run; r ≤ R of a refusal: done                   store refusal at r: closed
 *                                     refused
 *  confirmed  done                    an error: see below      done                   an error
 *  refused    r ≤ R: refused, r > R:  → undone, empty          raise R to r: closed   → undone, empty
 *             run again
 *  undone     already-undone          undone                   already-undone         undone
 *  running    a handler has ended its own transaction: an error, and nothing is known
 *
 *             confirm                                    close-confirm
 *  no row     lost                                       lost
 *  another    lost: the row has another nonce than is told, belongs to another secret or to a plan
 *  done       run; r ≤ R of a refusal: refused           store refusal at r: closed
 *  confirmed  confirmed                                  confirmed
 *  refused    lost: there is no effect                   lost
 *  undone     already-undone                             already-undone
 *
 * An undo asks for no nonce: a row with another one than its list tells is on no list, and is to be undone too. What was
 * confirmed is never undone, whoever asks (S1): a decision never changes, so somebody is wrong, and a person has to look.
 */

/** Decides on an action whose branch has a row. */
export function judgeAction(row: BarrierRow, call: ActionCall): Verdict<'run'> {
  if (row.state === 'undone') {
    return { reply: { outcome: 'already-undone' } };
  }
  const difference =
    secretDifferenceOf(row, call) ?? (call.round > row.round ? undefined : differenceOf(row, call));
  if (difference !== undefined) {
    return { reply: difference };
  }
  switch (row.state) {
    case 'done':
    case 'confirmed':
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
    case 'confirmed':
      return { reply: confirmedAlready(call) };
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
    case 'confirmed':
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
    case 'confirmed':
      return { reply: confirmedAlready(call) };
    case 'refused':
      return { act: 'mark-undone' };
    case 'undone':
      return { reply: { outcome: 'undone', wasEmpty: row.wasEmpty } };
    case 'running':
      return { reply: torn(call) };
  }
}

/** Decides on a confirm whose branch has a row. */
export function judgeConfirm(row: BarrierRow, call: ConfirmCall): Verdict<'run'> {
  const end = endedOf(row, call);
  if (end !== undefined) {
    return { reply: end };
  }
  return call.round > row.undoRound ? { act: 'run' } : { reply: refusedOf(row.undoRefusal) };
}

/** Decides on closing a round of the confirm. */
export function judgeCloseConfirm(row: BarrierRow, call: ConfirmCall): Verdict<'store-refusal'> {
  const end = endedOf(row, call);
  if (end !== undefined) {
    return { reply: end };
  }
  return call.round > row.undoRound ? { act: 'store-refusal' } : { reply: { outcome: 'closed' } };
}

/** Returns the answer to whoever confirms a branch that is not there to be confirmed. */
export function lost(call: BarrierCall, why: string): BranchReply {
  return {
    outcome: 'lost',
    message: `Branch ${call.branchId} of ${call.gid} cannot be confirmed at ${call.service}.${call.action}: ${why}.`,
  };
}

/** Returns what a confirm is answered whatever its round, or undefined where the effect is there and unconfirmed. */
function endedOf(row: BarrierRow, call: ConfirmCall): BranchReply | undefined {
  const isBarred = row.state === 'undone' && row.led === undefined;
  const other = isBarred ? undefined : otherEffectOf(row, call);
  if (other !== undefined) {
    return lost(call, other);
  }
  switch (row.state) {
    case 'done':
      return undefined;
    case 'confirmed':
      return { outcome: 'confirmed' };
    case 'refused':
      return lost(call, 'its action was refused here, and left no effect');
    case 'undone':
      return { outcome: 'already-undone' };
    case 'running':
      return torn(call);
  }
}

/** Returns why a row is not that of the effect that a confirm is about. */
function otherEffectOf({ led, service, action }: BarrierRow, call: ConfirmCall): string | undefined {
  if (service !== call.service || action !== call.action) {
    return `it is ${service}.${action} here`;
  }
  if (led === undefined) {
    return 'it is the branch of a plan here';
  }
  if (led.secretHash !== call.secretHash) {
    return 'it was called here by somebody with another secret';
  }
  // Whoever listed it may not have told the nonce.
  return call.nonce === undefined || led.nonce === call.nonce
    ? undefined
    : `the row of its effect was lost, and what is here ran later (nonce ${led.nonce}, not ${call.nonce})`;
}

function doneOf(row: BarrierRow): BranchReply {
  const { output = null, led } = row;
  return led === undefined
    ? { outcome: 'done', output }
    : { outcome: 'done', output, enlistment: enlistmentOf(led, row.inputHash ?? '') };
}

function refusedOf(refusal: BarrierRow['refusal']): BranchReply {
  return { outcome: 'refused', refusal: { reason: 'refused', ...refusal, isStored: true } };
}

/** Whoever carries another secret is another initiator, and must not join this branch. */
function secretDifferenceOf({ led }: BarrierRow, call: ActionCall): BranchReply | undefined {
  if (led?.secretHash === call.led?.secretHash) {
    return undefined;
  }
  const [before, now] = [whose(led), whose(call.led)];
  return badPayload(
    `Branch ${call.branchId} of ${call.gid} came before ${before}, and comes now ${now}. A repeat must be of the same.`,
  );
}

function whose(led: { readonly secretHash: string } | undefined): string {
  return led === undefined
    ? 'in a plan'
    : `in a led transaction (secret's hash ${led.secretHash.slice(0, 12)}…)`;
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

function confirmedAlready(call: BarrierCall): BranchReply {
  const message =
    `Branch ${call.branchId} of ${call.gid} was confirmed here, and is to be undone now. A decision never changes: nothing was ` +
    'undone, and a person has to find out who told otherwise (a log that was restored from a backup, say).';
  return { outcome: 'unknown', error: { class: 'code', message } };
}

function torn(call: BarrierCall): BranchReply {
  const message =
    `The handler of branch ${call.branchId} of ${call.gid} ended the transaction itself before it was through, so ` +
    'nobody knows what it wrote. See what is there, and take COMMIT and ROLLBACK out of the handler.';
  return { outcome: 'unknown', error: { class: 'code', message } };
}
