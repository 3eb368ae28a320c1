import { HEADERS, nameSchema } from '@atone/protocol';
import type { FastifyRequest } from 'fastify';
import { fieldError } from './request.error.js';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u;
const BAGGAGE_LENGTH_MAX = 8_192;

/** What a request passes on to whatever it causes. */
export interface TraceContext {
  readonly traceparent: string | undefined;
  readonly baggage: string | undefined;
  readonly lane: string | undefined;
}

/**
 * Reads W3C trace context and the lane, which is a member of the baggage or a header of its own. What is not in the
 * format is not passed on, as the standard wants it; but a lane that cannot be one is refused, because traffic without
 * its lane goes to the wrong instances.
 *
 * @throws {RequestError} when the lane is no name.
 */
export function traceContextOf(headers: FastifyRequest['headers']): TraceContext {
  const traceparent = textOf(headers[HEADERS.traceparent]);
  const given = textOf(headers[HEADERS.baggage]);
  const baggage = given !== undefined && given.length <= BAGGAGE_LENGTH_MAX ? given : undefined;
  return {
    traceparent: traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined,
    baggage,
    lane:
      checkedLane(baggageMember(baggage, 'lane'), HEADERS.baggage) ??
      checkedLane(textOf(headers[HEADERS.lane]), HEADERS.lane),
  };
}

function checkedLane(lane: string | undefined, header: string): string | undefined {
  if (lane === undefined) {
    return undefined;
  }
  const result = nameSchema.safeParse(lane);
  if (!result.success) {
    throw fieldError([
      { field: header, message: `names the lane '${lane}', which ${firstMessage(result.error)}` },
    ]);
  }
  return result.data;
}

function firstMessage(error: { readonly issues: readonly { readonly message: string }[] }): string {
  return error.issues[0]?.message ?? 'is not valid';
}

/** Returns a member of a baggage header (W3C): `name=value;properties`, with commas between. */
function baggageMember(baggage: string | undefined, name: string): string | undefined {
  for (const member of baggage?.split(',') ?? []) {
    const [key = '', value = ''] = (member.split(';', 1)[0] ?? '').split('=');
    if (key.trim() === name) {
      return decoded(value.trim());
    }
  }
  return undefined;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
