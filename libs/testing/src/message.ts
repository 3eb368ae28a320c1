import type { BranchOp } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';

/** What becomes of a command on its way. */
export type CommandFate =
  'passes' | 'lost' | 'twice' | 'late' | 'after-undo' | 'sender-dies-before' | 'sender-dies-after';

/** What becomes of a reply on its way. */
export type ReplyFate = 'passes' | 'lost' | 'twice' | 'late';

/** What becomes of a participant in the middle of a command. */
export type ParticipantFate = 'passes' | 'crashes' | 'refuses' | 'fails';

/** What becomes of a request to the coordinator; `late`: its sender is dead when it arrives, behind all else. */
export type RequestFate =
  'passes' | 'lost' | 'answer-lost' | 'twice' | 'late' | 'sender-dies-before' | 'sender-dies-after';

/** A request about a led transaction that the coordinator must not miss. */
export interface LedRequest {
  /** What it asks for: `commit of book-trip`. */
  readonly name: string;
  /** Who asks; a participant is no process that the test could end here. */
  readonly from: 'initiator' | 'participant';
}

/** Sees all that happens, and may have something else happen. */
export interface Tap {
  coordinatorReached(name: string): 'passes' | 'crashes';
  participantReached(name: string, command: BranchCommand): ParticipantFate;
  /** A participant has got so far with its question about branches in doubt. */
  questionReached(name: string, service: string): 'passes' | 'crashes';
  command(command: BranchCommand): CommandFate;
  reply(command: BranchCommand): ReplyFate;
  request(request: LedRequest): RequestFate;
}

/** Whether an initiator, or a handler, has sent it: they call actions, and the coordinator ends them. */
export function isCall({ led, op }: Pick<BranchCommand, 'led' | 'op'>): boolean {
  return led !== undefined && op === 'action';
}

/** Tells whether a branch was called by the run of another one. */
export function isNested({ branchId }: Pick<BranchCommand, 'branchId'>): boolean {
  return RUN.test(branchId);
}

/**
 * Returns what people call the branch of a command, the same in each run: a step by its name, and a call of a led
 * transaction by its action and its number, `hotels.hold (2)`.
 */
export function branchNameOf({ led, service, action, branchId }: BranchCommand): string {
  return led === undefined ? branchId : `${service}.${action} (${withoutRuns(branchId)})`;
}

/** Leaves out what is drawn for each run: `2~k7pq3x.1` becomes `2.1`. */
export function withoutRuns(text: string): string {
  return text.replaceAll(RUNS, '.');
}

const RUN = /~[a-z0-9]{4,8}\./u;
const RUNS = new RegExp(RUN, 'gu');

const NOUNS: Readonly<Record<BranchOp, string>> = {
  action: 'action',
  confirm: 'confirm',
  compensate: 'compensation',
  'close-action': 'closing of the action',
  'close-confirm': 'closing of the confirm',
  'close-compensate': 'closing of the compensation',
};

/** Returns what people call a command: `action of reserve`, `call of hotels.hold (2)`. */
export function nameOf(command: BranchCommand): string {
  return `${isCall(command) ? 'call' : nounOf(command)} of ${branchNameOf(command)}`;
}

function nounOf({ led, op }: BranchCommand): string {
  return led !== undefined && op === 'compensate' ? 'undo' : NOUNS[op];
}
