import { isGid } from '@atone/core';
import { branchOpSchema, type BranchCommand, type ReplyEnvelope } from './command.schema.js';
import { ledContextSchema, nonceSchema } from './led.schema.js';
import {
  by,
  isBoolean,
  isCount,
  isJson,
  isKnownName,
  isRecord,
  oneOf,
  shapeOf,
  textOf,
  type Check,
  type Checks,
} from './plain.shape.js';

/*
 * Reads by hand what comes by the thousand each second: at a third of the time that the schemas take. They say what is right. What is
 * told here to be fine they would read as the same; what is not told to be fine is left to them.
 */

/** Returns `json`, which was parsed, if it is plainly a command; undefined leaves it to the schema. */
export function plainCommand(json: unknown): BranchCommand | undefined {
  return COMMAND(json) ? (json as BranchCommand) : undefined;
}

/** Returns `json`, which was parsed, if it is plainly a reply; undefined leaves it to the schema. */
export function plainReply(json: unknown): ReplyEnvelope | undefined {
  return ENVELOPE(json) ? (json as ReplyEnvelope) : undefined;
}

const isText = textOf(0, Number.POSITIVE_INFINITY);

const ATTEMPT: Checks = {
  gid: (value) => typeof value === 'string' && isGid(value),
  branchId: textOf(1, 256),
  op: oneOf(...branchOpSchema.options),
  round: isCount,
  attempt: isCount,
};

const { secretHash, epoch, initiator, timeoutMs } = ledContextSchema.shape;

const COMMAND = shapeOf(
  { ...ATTEMPT, service: isKnownName, action: isKnownName, issuedAt: Number.isFinite },
  {
    input: isJson,
    output: isJson,
    led: shapeOf(
      { secretHash: by(secretHash), epoch: by(epoch), initiator: by(initiator) },
      { timeoutMs: by(timeoutMs) },
    ),
    nonce: by(nonceSchema),
    reason: isText,
    remainingMs: Number.isFinite,
    lane: isKnownName,
    traceparent: textOf(0, 256),
    baggage: textOf(0, 8_192),
  },
);

/** The answers that come when all goes well. */
const REPLIES: ReadonlyMap<unknown, Check> = new Map<string, Check>([
  ['done', shapeOf({ outcome: isText, output: isJson })],
  ['confirmed', shapeOf({ outcome: isText })],
  ['undone', shapeOf({ outcome: isText, wasEmpty: isBoolean })],
  ['already-undone', shapeOf({ outcome: isText })],
  ['closed', shapeOf({ outcome: isText })],
]);

const ENVELOPE = shapeOf({
  ...ATTEMPT,
  reply: (value) => isRecord(value) && REPLIES.get(value['outcome'])?.(value) === true,
});
