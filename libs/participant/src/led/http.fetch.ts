import { HEADERS } from '@atone/protocol';
import { currentFrame } from '../branch.context.js';
import { callThrough } from './call.through.js';
import { forgiveForgotten } from './forgotten.call.js';
import { httpMeaning } from './http.call.js';
import { refuseWithoutFrame } from './transaction.context.js';
import type { CallOptions } from './service.client.js';

type Fetch = typeof globalThis.fetch;

/** A `fetch` of any make: the global one, undici's, or another whose answers are like theirs. */
export type FetchLike = (
  input: never,
  init?: never,
) => Promise<{ readonly status: number; readonly headers: { get(name: string): string | null } }>;

/** Where the context goes, and what is sent again. */
export interface FetchOptions extends CallOptions {
  /**
   * Tells which URLs belong to services that take part. Default: all of http and https. What travels are the gid, the id of the call,
   * the hash of the initiator's secret, its name, the lane and the trace; nothing of it lets anybody decide.
   */
  readonly propagateTo?: ((url: URL) => boolean) | undefined;
  /**
   * Tells which of them must be called in a led transaction: elsewhere such a call throws a NoTransactionError, unless it runs within
   * `NOT_SUPPORTED` or `NEVER`. So a context that was lost on the way is noticed. Default: none.
   */
  readonly mandatoryTo?: ((url: URL) => boolean) | undefined;
}

/** Of requests without an answer these may be sent to anybody once more. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const REPEAT_FOR = '10s';

/**
 * Returns a `fetch` whose calls take part in the led transaction around them; outside of one it is the same as `fetchWith`.
 *
 * An answer of 200 to 299 puts what it has enlisted on the list; any other, and an error, takes it off. Requests without an
 * answer are sent again for 10 s under the same id, if their body allows it: all of them where `propagateTo` says that
 * the service takes part, else only those that HTTP calls idempotent.
 */
export function createFetch(fetchWith: Fetch, options: FetchOptions = {}): Fetch {
  const start: Fetch = (input, init) => {
    const frame = currentFrame();
    const request = describe(input, init);
    if (request.url === undefined || !isTakingPart(request.url, options)) {
      return fetchWith(input, init);
    }
    const label = `${request.method} ${request.url.origin}${request.url.pathname}`;
    if (options.mandatoryTo?.(request.url) === true) {
      refuseWithoutFrame(label);
    }
    if (frame === undefined) {
      return fetchWith(input, init);
    }
    return forgiveForgotten(frame, label, () =>
      callThrough<Response>(frame, {
        label,
        timeout: options.timeout,
        repeatFor: isRepeatable(request, options) ? REPEAT_FOR : 0,
        send: (headers) => fetchWith(input, { ...init, headers: withContext(request.headers, headers) }),
        meaningOf: httpMeaning,
      }),
    );
  };
  return (input, init) => {
    try {
      return start(input, init);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

interface FetchRequest {
  readonly url: URL | undefined;
  readonly method: string;
  readonly headers: Headers;
  readonly isReplayable: boolean;
}

function describe(input: Parameters<Fetch>[0], init: Parameters<Fetch>[1] = {}): FetchRequest {
  const request = typeof input === 'string' || input instanceof URL ? undefined : input;
  const { method, headers, body, signal } = { ...partsOf(request), ...init };
  const text = textOf(input);
  return {
    url: URL.canParse(text) ? new URL(text) : undefined,
    method: (method ?? 'GET').toUpperCase(),
    headers: new Headers(headers),
    isReplayable: isReplayable(body) && signal?.aborted !== true,
  };
}

function partsOf(request: Request | undefined): RequestInit {
  return request === undefined
    ? {}
    : { method: request.method, headers: request.headers, body: request.body, signal: request.signal };
}

function textOf(input: Parameters<Fetch>[0]): string {
  if (typeof input === 'string') {
    return input;
  }
  return input instanceof URL ? input.href : input.url;
}

/** A stream is read once. */
function isReplayable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    ArrayBuffer.isView(body)
  );
}

/** Tells whether a URL belongs to a service that takes part, by what `options` say. */
export function isTakingPart(
  url: URL,
  { propagateTo, mandatoryTo }: Pick<FetchOptions, 'propagateTo' | 'mandatoryTo'>,
): boolean {
  return /^https?:$/u.test(url.protocol) && ((propagateTo?.(url) ?? true) || mandatoryTo?.(url) === true);
}

function isRepeatable(
  { isReplayable: canReplay, method }: FetchRequest,
  { propagateTo }: FetchOptions,
): boolean {
  return canReplay && (propagateTo !== undefined || IDEMPOTENT.has(method));
}

const TRACE: ReadonlySet<string> = new Set([HEADERS.traceparent, HEADERS.baggage]);

/** A trace that somebody else has set is nearer to the call. */
function withContext(own: Headers, context: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(own);
  for (const [name, value] of Object.entries(context)) {
    if (!TRACE.has(name) || !headers.has(name)) {
      headers.set(name, value);
    }
  }
  return headers;
}
