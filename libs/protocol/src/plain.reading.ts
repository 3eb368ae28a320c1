import { isGid } from '@atone/core';
import type { z } from 'zod';
import { branchOpSchema, type BranchCommand, type ReplyEnvelope } from './command.schema.js';
import { isName } from './json.schema.js';
import { ledContextSchema, nonceSchema } from './led.schema.js';

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

type Check = (value: unknown) => boolean;

type Checks = Readonly<Record<string, Check>>;

/** Returns what tells whether a value has all that is required, perhaps what is optional, and nothing else. */
function shapeOf(required: Checks, optional: Checks = {}): Check {
  const checks = new Map(Object.entries({ ...required, ...optional }));
  const names = Object.keys(required);
  return (value) =>
    isRecord(value) && names.every((name) => Object.hasOwn(value, name)) && eachFits(value, checks);
}

function eachFits(value: Readonly<Record<string, unknown>>, checks: ReadonlyMap<string, Check>): boolean {
  // oxlint-disable-next-line guard-for-in -- what was parsed inherits nothing that is listed
  for (const name in value) {
    if (checks.get(name)?.(value[name]) !== true) {
      return false;
    }
  }
  return true;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isJson(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? value.every(isJson) : hasJson(value as Readonly<Record<string, unknown>>);
  }
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    // A number may be too large to be one.
    Number.isFinite(value)
  );
}

function hasJson(value: Readonly<Record<string, unknown>>): boolean {
  // oxlint-disable-next-line guard-for-in -- see above
  for (const name in value) {
    // The schema takes that name away.
    if (name === '__proto__' || !isJson(value[name])) {
      return false;
    }
  }
  return true;
}

function textOf(lengthMin: number, lengthMax: number): Check {
  return (value) => typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax;
}

/** For what is rare. */
function by(schema: z.ZodType): Check {
  return (value) => schema.safeParse(value).success;
}

const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 1;
const isKnownName: Check = (value) => typeof value === 'string' && isName(value);
const isText = textOf(0, Number.POSITIVE_INFINITY);
const OPS: ReadonlySet<unknown> = new Set(branchOpSchema.options);

const ATTEMPT: Checks = {
  gid: (value) => typeof value === 'string' && isGid(value),
  branchId: textOf(1, 256),
  op: (value) => OPS.has(value),
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

const isBoolean: Check = (value) => typeof value === 'boolean';

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
