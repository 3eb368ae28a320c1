import { durationMs, type Duration, type HttpRequest, type HttpResponse } from '@atone/participant';
import { HEADERS, PROTOCOL_VERSION } from '@atone/protocol';
import type { z } from 'zod';
import { ApiError } from './api.problem.js';

/** A request to the coordinator's API, taken apart. */
export interface ApiRequest {
  readonly method: string;
  /** What comes behind `/v1/`. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  readonly headers: HttpRequest['headers'];
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function readRequest({ method, url, headers, body }: HttpRequest): ApiRequest {
  const { pathname, searchParams } = new URL(url);
  // Whatever comes before is the address of a proxy.
  const path = pathname.slice(pathname.indexOf('/v1/') + 4);
  return {
    method,
    path: path.split('/').map(decodeURIComponent),
    query: Object.fromEntries(searchParams),
    headers,
    body: body === undefined ? undefined : (JSON.parse(body) as unknown),
  };
}

/** Returns what the schema reads. @throws ApiError that names each field, as the coordinator does. */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) {
    const errors = result.error.issues.map(({ path, message }) => ({
      field: path.map((part) => `/${String(part)}`).join(''),
      message,
    }));
    throw new ApiError(
      'BAD_REQUEST',
      errors.map(({ field, message }) => `${field} ${message}.`).join(' '),
      errors,
    );
  }
  return result.data;
}

export function waitMsOf({ query }: Pick<ApiRequest, 'query'>): number {
  return durationMs((query['wait'] ?? 0) as Duration);
}

export function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

export function responseOf({ status, body, headers = {} }: ApiAnswer): HttpResponse {
  const all: Readonly<Record<string, string>> = { [HEADERS.protocol]: String(PROTOCOL_VERSION), ...headers };
  return { status, text: body === undefined ? '' : JSON.stringify(body), header: (name) => all[name] };
}
