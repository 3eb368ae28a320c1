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

/** Our own problem document, or what Fastify makes of an error by itself. */
const ownSchema = z.object({
  code: z.literal('REFUSED'),
  detail: z.string().optional(),
  message: z.string().optional(),
  details: jsonSchema.optional(),
});

/** The no of services without the library (RFC 9457). Without a type it is of `about:blank`; of another one it says something else. */
const plainSchema = z
  .looseObject({
    type: z.literal('about:blank').optional(),
    status: z.literal(409),
    title: z.string().optional(),
    detail: z.string().optional(),
    code: z.unknown().optional(),
    instance: z.unknown().optional(),
  })
  .refine(({ title, detail }) => (detail ?? title) !== undefined)
  // Without a type a code says what it is.
  .refine(({ type, code }) => type !== undefined || code === undefined);

/**
 * Returns the refusal that an answer tells of, to be thrown on; or undefined where it tells of none.
 *
 * ```ts
 * const response = await fetch(url, { method: 'POST' });
 * if (!response.ok) throw refusalOf(await response.json()) ?? new Error(`${url} answered ${response.status}`);
 * ```
 *
 * Takes the parsed body of an answer, an answer or an error of axios, and what is a RefusedError already. A refusal is what the
 * library answers with, and any other problem document of the status 409 and no type but `about:blank`.
 */
export function refusalOf(answer: unknown): RefusedError | undefined {
  if (isRefusal(answer)) {
    return answer;
  }
  const body = bodyOf(answer);
  const told = ownRefusal(body) ?? plainRefusal(body);
  return told && new RefusedError(told.reason, told.details, causeOf(answer));
}

interface ToldRefusal {
  readonly reason: string;
  readonly details?: Json | undefined;
}

function ownRefusal(body: unknown): ToldRefusal | undefined {
  const { data: told } = ownSchema.safeParse(body);
  const reason = told?.detail ?? told?.message?.replace(/^Refused: /u, '') ?? 'no reason';
  return told && { reason, details: told.details };
}

/** As the coordinator reads the 409 of a plain endpoint. */
function plainRefusal(body: unknown): ToldRefusal | undefined {
  const { data: told } = plainSchema.safeParse(body);
  if (told === undefined) {
    return undefined;
  }
  const { type: _type, title = '', status: _status, detail, instance: _instance, ...rest } = told;
  const own = 'details' in rest ? rest['details'] : rest;
  const { data: details } = jsonSchema.safeParse(Object.keys(rest).length === 0 ? undefined : own);
  return { reason: detail ?? title, details };
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
