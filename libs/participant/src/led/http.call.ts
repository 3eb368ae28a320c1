import { HEADERS } from '@atone/protocol';
import { beginCall, callThrough, settleCall, type ThroughCall } from './call.through.js';
import { callInFrame } from './forgotten.call.js';
import { contextHeaders } from './http.context.js';
import { requireFrame } from './transaction.context.js';

/** An answer as `fetch` and axios give it, or with `statusCode` as `request` of undici and Node's own client do. */
export type HttpAnswer = AnswerHeaders & ({ readonly status: number } | { readonly statusCode: number });

interface AnswerHeaders {
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
export function callHttp<Answer extends HttpAnswer>(
  send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  { label = 'an HTTP call', timeout, repeatFor }: CallHttpOptions = {},
): Promise<Answer> {
  const call = { label, timeout, repeatFor, send, meaningOf: httpMeaning };
  return callInFrame(label, (frame) => callThrough<Answer>(frame, call));
}

/**
 * Makes a call of any client in the led transaction around the code, by messages with replies for example: `send` gets the
 * headers, or whatever carries the context, and `meaningOf` tells what the answer means.
 *
 * @throws what `callHttp` throws.
 */
export function callCarrying<Answer>(call: ThroughCall<Answer>): Promise<Answer> {
  return callInFrame(call.label, (frame) => callThrough(frame, call));
}

/** A call that any client may send. It is in flight until one of the two is told, and until then nothing commits. */
export interface HandedCall {
  /** What must be in its request. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * An answer came: see `callHttp` for what it means.
   *
   * @throws UnknownOutcomeError when a normal answer tells something unreadable about what it has enlisted.
   */
  answered(this: void, answer: HttpAnswer): void;
  /** It threw, or nobody waits for it any more. */
  failed(this: void): void;
}

/**
 * Begins a call in the led transaction around the code, for a client that cannot be wrapped by `callHttp`.
 *
 * ```ts
 * const { headers, answered, failed } = atoneHeaders('POST /reservations');
 * ```
 *
 * @throws NoTransactionError, TransactionOverError.
 */
export function atoneHeaders(label = 'a call by hand'): HandedCall {
  const frame = requireFrame(label);
  const open = beginCall(frame, label);
  return {
    headers: contextHeaders(frame, open.branchId),
    answered: (answer) => {
      settleCall(open, { gid: frame.gid, branchId: open.branchId, what: label }, httpMeaning(answer));
    },
    failed: () => {
      open.threw();
    },
  };
}

/** Returns what an HTTP answer tells about its call. */
export function httpMeaning(answer: HttpAnswer): {
  isNormal: boolean;
  enlisted: string | undefined;
} {
  const { headers } = answer;
  const status = 'status' in answer ? answer.status : answer.statusCode;
  const enlisted = typeof headers.get === 'function' ? headers.get(HEADERS.enlisted) : readMember(headers);
  return {
    isNormal: status >= 200 && status < 300,
    enlisted: typeof enlisted === 'string' ? enlisted : undefined,
  };
}

function readMember(headers: object): unknown {
  return (headers as Readonly<Record<string, unknown>>)[HEADERS.enlisted];
}
