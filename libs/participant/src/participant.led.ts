import { gidTimeMs } from '@atone/core';
import { branchIdSchema, LED_TIMEOUT_MAX_MS, type BranchCommand } from '@atone/protocol';
import type { LedTerms } from './barrier.port.js';
import { BranchFailure } from './branch.failure.js';
import type { ActionHandler } from './contract.js';
import type { LedCommand } from './led/scope.port.js';

/** How far the clock of an initiator may be ahead of this participant's. */
const LED_SKEW_MAX_MS = 5 * 60_000;

/** How old a led transaction may be when it calls: none may stay undecided for longer. */
const LED_LIFETIME_MAX_MS = LED_TIMEOUT_MAX_MS + LED_SKEW_MAX_MS;

/** What a participant knows when a led transaction calls it. */
export interface LedMoment {
  readonly now: number;
  readonly nonce: string;
}

/** Tells whether a command belongs to a led transaction. */
export function isLedCommand(command: BranchCommand): command is LedCommand {
  return command.led !== undefined;
}

/** Tells whether `command` is a call that the run of `running` has made, directly or through others. */
export function isAbove(running: BranchCommand, command: BranchCommand): boolean {
  return (
    command.led !== undefined &&
    running.gid === command.gid &&
    command.branchId.startsWith(`${running.branchId}~`)
  );
}

/** How old an action of a plan may be that is carried out unasked: its coordinator has asked anew by then. */
const PLAN_AGE_MAX_MS = 60_000;

/** Tells whether an action was sent so long ago that its transaction may have ended by another way, as far as clocks can tell. */
export function isLateAction({ op, issuedAt, led, remainingMs = 0 }: BranchCommand, nowMs: number): boolean {
  const ageMaxMs = led === undefined ? PLAN_AGE_MAX_MS : remainingMs + LED_SKEW_MAX_MS;
  return op === 'action' && nowMs - issuedAt > ageMaxMs;
}

/** Returns the command as it is after it has waited for its turn: less of its time is left. */
export function afterWait(command: BranchCommand, waitedMs: number): BranchCommand {
  return command.remainingMs === undefined || waitedMs <= 0
    ? command
    : { ...command, remainingMs: command.remainingMs - waitedMs };
}

/**
 * Returns the terms on which an action takes part in a led transaction, before it has any effect.
 *
 * @throws BranchFailure for an action that could not be undone, and for a call that comes too late or at a time that
 *   cannot be. The latter is a `bad-payload`: no repeat of it can succeed, until somebody has set a clock.
 */
export function ledTermsOf(
  command: LedCommand,
  handler: Pick<ActionHandler<never>, 'contract' | 'compensate'>,
  { now, nonce }: LedMoment,
): LedTerms {
  const { contract, compensate } = handler;
  if (compensate === undefined) {
    throw new BranchFailure(
      'code',
      `${command.service}.${command.action} has no compensation, so that its effect could not be undone: it cannot take part in ` +
        'a led transaction. Give it one, or call it when the transaction has been committed (`afterCommit`).',
    );
  }
  refuseStrangeId(command);
  refuseStrangeTime(command, now);
  return { ...command.led, kind: contract.kind, nonce, remainingMs: remainingMsOf(command) };
}

function remainingMsOf({ gid, branchId, remainingMs }: LedCommand): number {
  if (remainingMs === undefined) {
    throw new BranchFailure(
      'bad-payload',
      `The call of branch ${branchId} of ${gid} does not tell how much time its transaction has left (\`remainingMs\`).`,
    );
  }
  if (remainingMs <= 0) {
    throw new BranchFailure(
      'timeout',
      `The call of branch ${branchId} of ${gid} came too late, and was not carried out: the deadline of its transaction has passed.`,
    );
  }
  return Math.min(remainingMs, LED_TIMEOUT_MAX_MS);
}

/** Whoever is in doubt about it could not ask: the coordinator would refuse the question, and all that come with it. */
function refuseStrangeId({ gid, branchId }: LedCommand): void {
  if (!branchIdSchema.safeParse(branchId).success) {
    throw new BranchFailure(
      'bad-payload',
      `The call of branch '${branchId}' of ${gid} was not carried out: the id of a branch in a led transaction begins with a ` +
        'letter or digit, and holds only A-Z a-z 0-9 . _ ~ : -',
    );
  }
}

/** An old gid may have been forgotten by the log, and one from the future would outlive what the log forgets. */
function refuseStrangeTime({ gid, branchId }: LedCommand, now: number): void {
  const ageMs = now - gidTimeMs(gid);
  if (ageMs > LED_LIFETIME_MAX_MS || ageMs < -LED_SKEW_MAX_MS) {
    const seconds = Math.round(Math.abs(ageMs) / 1_000);
    throw new BranchFailure(
      'bad-payload',
      `The call of branch ${branchId} was not carried out: by its id the transaction ${gid} began ${seconds} s ` +
        `${ageMs < 0 ? 'in the future' : 'ago'} by the clock of this participant. Between ${LED_LIFETIME_MAX_MS / 1_000} s ago and ` +
        `${LED_SKEW_MAX_MS / 1_000} s ahead are allowed. See which clock is wrong, the initiator's or this one.`,
    );
  }
}
