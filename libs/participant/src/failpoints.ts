import { failpoint } from '@atone/core';

/** Where a test may stop or crash a participant. What each one means for a repeat is told by its place in barrier.ts. */
export const PARTICIPANT_FAILPOINTS = [
  'participant.action.beforeRow',
  'participant.action.beforeCode',
  'participant.action.beforeCommit',
  'participant.action.beforeReply',
  'participant.confirm.beforeRow',
  'participant.confirm.beforeCode',
  'participant.confirm.beforeCommit',
  'participant.confirm.beforeReply',
  'participant.compensate.beforeRow',
  'participant.compensate.beforeCode',
  'participant.compensate.beforeCommit',
  'participant.compensate.beforeReply',
  'participant.removal.beforeCommit',
  'participant.doubt.beforeAsk',
  'participant.doubt.afterVerdict',
] as const;

export type ParticipantFailpoint = (typeof PARTICIPANT_FAILPOINTS)[number];

/** Passes one of them. */
export function reached(name: ParticipantFailpoint): void | Promise<void> {
  return failpoint(name);
}
