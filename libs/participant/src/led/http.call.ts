import { HEADERS } from '@atone/protocol';
import { callThrough, type ThroughCall } from './call.through.js';
import { requireFrame } from './transaction.context.js';

/** An answer as `fetch`, undici and axios give it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: { get(name: string): unknown } | Readonly<Record<string, unknown>>;
}

/** How one call by hand is made. */
export type CallHttpOptions = Partial<Pick<ThroughCall<HttpAnswer>, 'label' | 'timeout' | 'repeatFor'>>;

/**
 * Makes a call of any HTTP client in the led transaction around the code: `send` gets the headers that must be in its request.
 *
 * An answer of 200 to 299 has returned normally, and what it has enlisted is on the list. Any other is off the list, as if it had
 * thrown, and is still returned.
 *
 * @throws what `send` throws; NoTransactionError, TransactionOverError, CallTimeoutError, TransactionTimeoutError.
 */
export async function callHttp<Answer extends HttpAnswer>(
  send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  { label = 'an HTTP call', timeout, repeatFor }: CallHttpOptions = {},
): Promise<Answer> {
  return callThrough<Answer>(requireFrame(label), {
    label,
    timeout,
    repeatFor,
    send,
    meaningOf: httpMeaning,
  });
}

/**
 * Makes a call of any client in the led transaction around the code, by messages with replies for example: `send` gets the
 * headers, or whatever carries the context, and `meaningOf` tells what the answer means.
 *
 * @throws what `callHttp` throws.
 */
export async function callCarrying<Answer>(call: ThroughCall<Answer>): Promise<Answer> {
  return callThrough(requireFrame(call.label), call);
}

/** Returns what an HTTP answer tells about its call. */
export function httpMeaning({ status, headers }: HttpAnswer): {
  isNormal: boolean;
  enlisted: string | undefined;
} {
  const enlisted = typeof headers.get === 'function' ? headers.get(HEADERS.enlisted) : readMember(headers);
  return {
    isNormal: status >= 200 && status < 300,
    enlisted: typeof enlisted === 'string' ? enlisted : undefined,
  };
}

function readMember(headers: object): unknown {
  return (headers as Readonly<Record<string, unknown>>)[HEADERS.enlisted];
}
