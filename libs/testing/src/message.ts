import type { BranchOp } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';

/** What becomes of a command on its way. */
export type CommandFate =
  'passes' | 'lost' | 'twice' | 'late' | 'after-undo' | 'sender-dies-before' | 'sender-dies-after';

/** What becomes of a reply on its way. */
export type ReplyFate = 'passes' | 'lost' | 'twice' | 'late';

/** What becomes of a participant in the middle of a command. */
export type ParticipantFate = 'passes' | 'crashes' | 'refuses';

/** Sees all that happens, and may have something else happen. */
export interface Tap {
  coordinatorReached(name: string): 'passes' | 'crashes';
  participantReached(name: string, command: BranchCommand): ParticipantFate;
  command(command: BranchCommand): CommandFate;
  reply(command: BranchCommand): ReplyFate;
}

const NOUNS: Readonly<Record<BranchOp, string>> = {
  action: 'action',
  confirm: 'confirm',
  compensate: 'compensation',
  'close-action': 'closing of the action',
  'close-confirm': 'closing of the confirm',
  'close-compensate': 'closing of the compensation',
};

/** Returns what people call a command: `action of reserve`. */
export function nameOf({ op, branchId }: BranchCommand): string {
  return `${NOUNS[op]} of ${branchId}`;
}
