import { jsonSchema, type Problem } from '@atone/protocol';
import { z } from 'zod';
import type { Json } from '@atone/core';
import { isRefusal } from '../branch.failure.js';
import { RefusedError } from '../contract.js';

/** What a request is answered with that was refused, by a RefusedError that its handler threw. */
export interface RefusalProblem extends Problem {
  readonly code: 'REFUSED';
  readonly details?: Json | undefined;
}

/** Returns the problem document that tells a caller of `refusal`. Answer it with its status, 409. */
export function refusalProblem({ reason, details }: RefusedError): RefusalProblem {
  return {
    type: 'urn:atone:problem:refused',
    title: 'Refused',
    status: 409,
    code: 'REFUSED',
    detail: reason,
    ...(details === undefined ? {} : { details }),
  };
}

/** A problem document, or what Fastify makes of an error by itself. */
const problemSchema = z.object({
  code: z.literal('REFUSED'),
  detail: z.string().optional(),
  message: z.string().optional(),
  details: jsonSchema.optional(),
});

/**
 * Returns the refusal that an answer tells of, to be thrown on; or undefined where it tells of none.
 *
 * ```ts
 * const response = await fetch(url, { method: 'POST' });
 * if (!response.ok) throw refusalOf(await response.json()) ?? new Error(`${url} answered ${response.status}`);
 * ```
 *
 * Takes the parsed body of an answer, an answer or an error of axios, and what is a RefusedError already.
 */
export function refusalOf(answer: unknown): RefusedError | undefined {
  if (isRefusal(answer)) {
    return answer;
  }
  const body = bodyOf(answer);
  const { data: told } = problemSchema.safeParse(body);
  const reason = told?.detail ?? told?.message?.replace(/^Refused: /u, '') ?? 'no reason';
  return told && new RefusedError(reason, told.details, causeOf(answer));
}

/** Of axios: its errors have the answer, and that has the body. */
function bodyOf(answer: unknown): unknown {
  const { response } = (answer ?? {}) as { readonly response?: unknown };
  const { data } = (response ?? answer ?? {}) as { readonly data?: unknown };
  return data ?? answer;
}

function causeOf(answer: unknown): ErrorOptions {
  return answer instanceof Error ? { cause: answer } : {};
}
