import { ERROR_CODES, type ErrorCode } from '@atone/protocol';
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';

/** What a route does and may answer, for the description of the API. */
export interface Operation {
  /** Unique, and the name of the method in generated clients. */
  readonly id: string;
  readonly group: 'transactions' | 'led' | 'acts' | 'participants' | 'overview' | 'health';
  readonly summary: string;
  readonly description?: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes beside those that every route may answer. */
  readonly errors?: readonly ErrorCode[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether it may be asked without a token. */
  readonly isOpen?: boolean;
}

interface Answer {
  readonly description: string;
  /** Absent: the answer has no body, or is a text. */
  readonly schema?: z.ZodType;
  /** Of an answer that is a text. */
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const BEARER = 'bearer';

const PROBLEM_REF = '#/components/schemas/Problem';

/** Describes a route. What its parameters look like comes from their schemas. */
export function Describe(operation: Operation): MethodDecorator {
  const { id, group, summary, description, headers = {}, isOpen = false } = operation;
  const codes: ErrorCode[] = [
    ...(isOpen ? [] : (['UNAUTHORIZED'] as const)),
    'FORBIDDEN',
    ...(operation.errors ?? []),
    'INTERNAL',
  ];
  return applyDecorators(
    ApiTags(group),
    ApiOperation({ operationId: id, summary, ...(description === undefined ? {} : { description }) }),
    ...(isOpen ? [] : [ApiSecurity(BEARER)]),
    ...Object.entries(headers).map(([name, text]) => ApiHeader({ name, description: text, required: false })),
    ...Object.entries(operation.answers).map(([status, answer]) => answerResponse(Number(status), answer)),
    ...[...byStatus(codes)].map(([status, names]) => problemResponse(status, names)),
  );
}

function answerResponse(
  status: number,
  { description, schema, mediaType, headers = {} }: Answer,
): MethodDecorator {
  const entries = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' as const } },
  ]);
  return ApiResponse({
    status,
    description,
    headers: Object.fromEntries(entries) as Record<string, { description: string }>,
    ...(schema === undefined ? {} : { standardSchema: schema }),
    ...(mediaType === undefined ? {} : { content: { [mediaType]: { schema: { type: 'string' } } } }),
  });
}

function problemResponse(status: number, codes: readonly ErrorCode[]): MethodDecorator {
  return ApiResponse({
    status,
    description: `Problem: ${codes.map((code) => `\`${code}\``).join(' or ')}.`,
    content: { 'application/problem+json': { schema: { $ref: PROBLEM_REF } } },
  });
}

function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const groups = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = ERROR_CODES[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}
