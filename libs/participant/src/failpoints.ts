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

/**
 * Where a test may stop or crash who makes the calls of a led transaction: its initiator, and a participant whose action calls
 * others. Only the initiator begins, decides and runs what waits for the commit.
 */
export const LED_FAILPOINTS = [
  'led.begin.beforeCalls',
  'led.call.beforeSend',
  'led.call.afterSend',
  'led.call.afterAnswer',
  'led.register.beforeSend',
  'led.register.afterSend',
  'led.register.afterAnswer',
  'led.decide.beforeSend',
  'led.decide.afterSend',
  'led.decide.afterAnswer',
  'led.afterCommit.before',
  'led.afterCommit.after',
] as const;

type LedFailpoint = (typeof LED_FAILPOINTS)[number];

/** Passes one of them. */
export function reached(name: ParticipantFailpoint | LedFailpoint): void | Promise<void> {
  return failpoint(name);
}

/** Sends a call, a registration or a decision past the failpoints around it. Without a hook it is sent at once. */
export async function sendPast<Answer>(
  what: 'call' | 'register' | 'decide',
  send: () => Promise<Answer>,
): Promise<Answer> {
  const before = reached(`led.${what}.beforeSend`);
  if (before !== undefined) {
    await before;
  }
  const coming = send();
  const meanwhile = reached(`led.${what}.afterSend`);
  if (meanwhile !== undefined) {
    // It may reject while this is stopped, when nobody listens yet.
    coming.catch(() => undefined);
    await meanwhile;
  }
  const answer = await coming;
  await reached(`led.${what}.afterAnswer`);
  return answer;
}
