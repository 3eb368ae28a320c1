import {
  LED_TIMEOUT_MAX_MS,
  branchIdSchema,
  gidSchema,
  HEADERS,
  ledBranchSchema,
  ledContextSchema,
  nameSchema,
  registeredBelowSchema,
  type BranchCommand,
  type FieldProblem,
} from '@atone/protocol';
import { z } from 'zod';
import { traceHeaders } from '../client.led.js';
import { LedError } from './led.errors.js';
import { remainingMs, type LedFrame } from './led.frame.js';
import type { Enlisted, LedCommand } from './scope.port.js';

/** What a call tells of the transaction that it is part of. */
export type CallContext = Pick<LedCommand, 'gid' | 'branchId' | 'led'> &
  Pick<BranchCommand, 'remainingMs' | 'lane' | 'traceparent' | 'baggage'>;

/** Headers by their names in lower case, as Node and most frameworks give them. */
export type InboundHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request is part of a led transaction, and what it tells of it cannot be read. It must be answered with 400. */
export class BadContextError extends LedError {
  override readonly name = 'BadContextError';
  readonly code = 'BAD_REQUEST';
  readonly retryable = false;
  readonly status = 400;

  constructor(readonly errors: readonly FieldProblem[]) {
    super(
      `The headers of the global transaction are not as they must be: ${errors.map(({ field, message }) => `${field} ${message}`).join('; ')}. ` +
        'Nothing was done: outside of the transaction it could not be undone.',
    );
  }
}

const contextSchema = z.object({
  [HEADERS.gid]: gidSchema,
  [HEADERS.branchId]: branchIdSchema,
  [HEADERS.secretHash]: ledContextSchema.shape.secretHash,
  [HEADERS.epoch]: z
    .string()
    .regex(/^[1-9]\d{0,14}$/u, 'must be a whole number')
    .transform(Number),
  [HEADERS.initiator]: nameSchema,
  [HEADERS.remainingMs]: z
    .string()
    .regex(/^\d{1,9}$/u, 'must be a whole number of ms')
    .transform(Number)
    .refine((ms) => ms <= LED_TIMEOUT_MAX_MS, 'is longer than any transaction may last'),
  [HEADERS.timeoutMs]: z
    .string()
    .regex(/^[1-9]\d{0,8}$/u, 'must be a whole number of ms')
    .transform(Number)
    .refine((ms) => ms <= LED_TIMEOUT_MAX_MS, 'is longer than any transaction may last')
    .optional(),
  [HEADERS.lane]: nameSchema.optional(),
  [HEADERS.traceparent]: z.string().max(256).optional(),
  [HEADERS.baggage]: z.string().max(8_192).optional(),
});

/** Returns the headers of call `branchId`. They tell no secret. */
export function contextHeaders(frame: LedFrame, branchId: string): Record<string, string> {
  const { gid, led, lane } = frame;
  return {
    [HEADERS.gid]: gid,
    [HEADERS.branchId]: branchId,
    [HEADERS.secretHash]: led.secretHash,
    [HEADERS.epoch]: String(led.epoch),
    [HEADERS.initiator]: led.initiator,
    [HEADERS.remainingMs]: String(Math.max(0, Math.floor(remainingMs(frame)))),
    ...(led.timeoutMs === undefined ? {} : { [HEADERS.timeoutMs]: String(led.timeoutMs) }),
    ...(lane === undefined ? {} : { [HEADERS.lane]: lane }),
    ...traceHeaders(frame),
  };
}

/**
 * Returns the context that `headers` carry, or undefined for a request outside of led transactions.
 *
 * @throws BadContextError when there is one and it is not complete, or malformed.
 */
export function readContext(headers: InboundHeaders): CallContext | undefined {
  // With an op it is a command of the coordinator to a plain endpoint: it is ended by the coordinator, not by a caller.
  if (headers[HEADERS.gid] === undefined || headers[HEADERS.op] !== undefined) {
    return undefined;
  }
  const { success, data, error } = contextSchema.safeParse(headers);
  if (!success) {
    throw new BadContextError(error.issues.map(({ path, message }) => ({ field: path.join('.'), message })));
  }
  return {
    gid: data[HEADERS.gid],
    branchId: data[HEADERS.branchId],
    led: {
      secretHash: data[HEADERS.secretHash],
      epoch: data[HEADERS.epoch],
      initiator: data[HEADERS.initiator],
      timeoutMs: data[HEADERS.timeoutMs],
    },
    remainingMs: data[HEADERS.remainingMs],
    lane: data[HEADERS.lane],
    traceparent: data[HEADERS.traceparent],
    baggage: data[HEADERS.baggage],
  };
}

/** A later version may tell more. */
const enlistedSchema = z.object({
  below: z.array(z.object(ledBranchSchema.shape)).default([]),
  registered: z.array(z.object(registeredBelowSchema.shape)).default([]),
});

/** Returns the value of the header that tells a caller what its call has enlisted; undefined for nothing. */
export function writeEnlisted({ below, registered }: Enlisted): string | undefined {
  return below.length + registered.length === 0
    ? undefined
    : asciiJson({ below, ...(registered.length === 0 ? {} : { registered }) });
}

/**
 * Returns what call `branchId` has enlisted, as the header of its answer tells it.
 *
 * @throws Error for what cannot be read, or does not lie below the call: nobody may enlist for others.
 */
export function readEnlisted(text: string | undefined, branchId: string): Enlisted {
  if (text === undefined || text === '') {
    return { below: [], registered: [] };
  }
  const enlisted = enlistedSchema.parse(JSON.parse(text));
  const ids = [
    ...enlisted.below.map((branch) => branch.branchId),
    ...enlisted.registered.map(({ prefix }) => prefix),
  ];
  const stranger = ids.find(
    (id) => id !== branchId && !/^[~.]/u.test(id.startsWith(branchId) ? id.slice(branchId.length) : ''),
  );
  if (stranger !== undefined) {
    throw new Error(`its answer enlists '${stranger}', which does not lie below call ${branchId}`);
  }
  return enlisted;
}

/** A header takes no other characters. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^\x20-\x7e]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, position) => `\\u${character.charCodeAt(position).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
