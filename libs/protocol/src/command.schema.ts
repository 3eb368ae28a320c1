import { JSON_DEPTH_MAX, nestsDeeper, type BranchReply } from '@atone/core';
import { z } from 'zod';
import { gidSchema, jsonSchema, nameSchema } from './json.schema.js';
import { enlistmentSchema, ledContextSchema, nonceSchema } from './led.schema.js';

export const COMMAND_COUNT_MAX = 256;

export const branchOpSchema = z.enum([
  'action',
  'confirm',
  'compensate',
  'close-action',
  'close-confirm',
  'close-compensate',
]);

/** What names one attempt. A reply repeats it word for word. */
const attemptShape = {
  gid: gidSchema,
  branchId: z.string().min(1).max(256),
  op: branchOpSchema,
  round: z.int().min(1),
  attempt: z.int().min(1),
};

/** Which attempt a command or a reply belongs to, whatever else it holds. */
export const attemptSchema = z.object(attemptShape);

/** One thing that the coordinator asks of a participant. */
export const branchCommandSchema = z.object({
  ...attemptShape,
  service: nameSchema,
  action: nameSchema,
  /** The input of an action; an undo takes it from the barrier. */
  input: jsonSchema.optional(),
  /** The output of the action, only for endpoints that keep no barrier and only where it is known. */
  output: jsonSchema.optional(),
  /** What the action's transaction needs to know of it when its initiator leads it; absent in a plan. */
  led: ledContextSchema.optional(),
  /** Which effect is ended, in a led transaction: the one whose row was first written with it. */
  nonce: nonceSchema.optional(),
  /** Why the transaction is undone; only with compensate. */
  reason: z.string().optional(),
  /** How many ms are left until the transaction's deadline. */
  remainingMs: z.number().optional(),
  /** The instant of this send by the log's clock, in ms since 1970. */
  issuedAt: z.number(),
  lane: nameSchema.optional(),
  traceparent: z.string().max(256).optional(),
  baggage: z.string().max(8192).optional(),
});

export type BranchCommand = z.infer<typeof branchCommandSchema>;

export const commandBatchSchema = z.object({
  protocol: z.literal(1),
  commands: z.array(branchCommandSchema).min(1).max(COMMAND_COUNT_MAX),
});

export type CommandBatch = z.infer<typeof commandBatchSchema>;

/** A batch whose commands are yet to be judged, each by itself. */
export const unreadBatchSchema = commandBatchSchema.extend({
  commands: z.array(z.unknown()).min(1).max(COMMAND_COUNT_MAX),
});

const refusalSchema = z.object({
  reason: z.string(),
  details: jsonSchema.optional(),
  isStored: z.boolean(),
});

const branchErrorSchema = z.object({
  class: z.enum(['unreachable', 'timeout', 'error', 'code', 'bad-payload', 'action-gone']),
  message: z.string(),
});

export const branchReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('done'), output: jsonSchema, enlistment: enlistmentSchema.optional() }),
  z.object({ outcome: z.literal('refused'), refusal: refusalSchema }),
  z.object({ outcome: z.literal('confirmed') }),
  z.object({ outcome: z.literal('lost'), message: z.string() }),
  z.object({ outcome: z.literal('undone'), wasEmpty: z.boolean() }),
  z.object({ outcome: z.literal('already-undone') }),
  z.object({ outcome: z.literal('closed') }),
  z.object({ outcome: z.literal('not-yet'), retryAfterMs: z.number().min(0) }),
  z.object({ outcome: z.literal('unknown'), error: branchErrorSchema }),
]) as z.ZodType<BranchReply>;

/** One line of the answer to a batch (NDJSON); a participant writes each as soon as it is known. */
export const replyEnvelopeSchema = z.object({ ...attemptShape, reply: branchReplySchema });

export type ReplyEnvelope = z.infer<typeof replyEnvelopeSchema>;

/** Returns `reply` addressed to the attempt that `command` names. */
export function replyTo(command: z.infer<typeof attemptSchema>, reply: BranchReply): ReplyEnvelope {
  const { gid, branchId, op, round, attempt } = command;
  return { gid, branchId, op, round, attempt, reply };
}

/** Returns the same text for everything that names the same attempt, and another for all else. */
export function attemptKey({ gid, branchId, op, round, attempt }: z.infer<typeof attemptSchema>): string {
  return `${gid} ${branchId} ${op} ${round} ${attempt}`;
}

type Attempt = z.infer<typeof attemptSchema>;

/** Tells whether both name the same attempt. */
export function isSameAttempt(left: Attempt, right: Attempt): boolean {
  return (
    left.gid === right.gid &&
    left.branchId === right.branchId &&
    left.op === right.op &&
    left.round === right.round &&
    left.attempt === right.attempt
  );
}

/** Reads one line of the answer to a batch. Returns undefined for what is no reply. */
export function readReply(line: string): ReplyEnvelope | undefined {
  // The envelope itself takes three levels more than what it carries.
  if (nestsDeeper(line, JSON_DEPTH_MAX + 3)) {
    return undefined;
  }
  try {
    return replyEnvelopeSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
