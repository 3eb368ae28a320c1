import type { BranchCommand, ReplyEnvelope } from '@atone/protocol';
import type { RunningSaga } from './prototype.saga.js';
import { PARTITION_COUNT, REPLIES, type WireMessage } from './wire.js';

/* The records of the protocol, by the plainest code: as long as Atone's, and with the same headers. */

export const REPLY_TO = 'atone-reply-to';

const SOURCE = '/coordinators/01a20550-9211-7000-9ac7-a7b35bbd5661';

/** What began within this time is answered in one partition, as at Atone. */
const TOGETHER_MS = 20;

/** Returns what asks for the present step of a saga. */
export function commandMessage(saga: RunningSaga, now: number): WireMessage {
  const { gid, plan, step, acceptedAt, deadlineAt } = saga;
  const { branchId = '', service = '', action = '', input } = plan.steps[step] ?? {};
  const command = {
    gid,
    branchId,
    op: 'action',
    round: 1,
    attempt: 1,
    service,
    action,
    input: input as BranchCommand['input'],
    remainingMs: deadlineAt - now,
    issuedAt: now,
  } satisfies BranchCommand;
  const partition = Math.floor(acceptedAt / TOGETHER_MS) % PARTITION_COUNT;
  const headers = headersOf(command, 'dev.atone.command.v1', SOURCE);
  return {
    key: gid,
    value: JSON.stringify(command),
    headers: { ...headers, [REPLY_TO]: `${REPLIES}/${partition}` },
  };
}

/** Returns a yes to a command, for where it is waited for. */
export function yesMessage(command: BranchCommand, replyTo: string): WireMessage {
  const { gid, branchId, op, round, attempt } = command;
  const yes: ReplyEnvelope = { gid, branchId, op, round, attempt, reply: { outcome: 'done', output: null } };
  return {
    key: gid,
    value: JSON.stringify(yes),
    headers: headersOf(command, 'dev.atone.reply.v1', '/services/bench'),
    partition: Number(replyTo.slice(replyTo.lastIndexOf('/') + 1)),
  };
}

function headersOf(
  { gid, branchId, op, round, attempt }: BranchCommand,
  type: string,
  source: string,
): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: `${gid}/${branchId}/${op}/${round}/${attempt}`,
    ce_type: type,
    ce_source: source,
    'content-type': 'application/json',
    'atone-protocol': '1',
  };
}
