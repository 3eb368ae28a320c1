import { HEADERS } from '@atone/protocol';

/** What goes with a message beside its payload, by the names of HTTP headers. */
export type Carried = Readonly<Record<string, string>>;

/** What goes with a message where the transport has no place beside its payload. */
export interface Envelope {
  readonly carried: Carried;
  /** The payload; absent in the last answer of a handler that gives none. */
  readonly data?: unknown;
}

/** Where the headers are in the message. A payload of the service's own has no such member. */
const CARRIED = '__atone';

/** An answer that has enlisted nothing. */
const NOTHING = '{}';

/** Returns the payload with the context of its call. What Nest's record builders make keeps what it holds beside it. */
export function envelop(payload: unknown, context: Carried): unknown {
  if (!isRecord(payload)) {
    return { [CARRIED]: context, data: payload };
  }
  const prototype = Object.getPrototypeOf(payload) as object | null;
  const copy = Object.create(prototype, Object.getOwnPropertyDescriptors(payload)) as object;
  const value = { [CARRIED]: context, data: payload.data };
  return Object.defineProperty(copy, 'data', { value, enumerable: true, writable: true, configurable: true });
}

/** Returns the last answer, and with it what the transaction has to know. Without `data` there was no answer at all. */
export function envelopLast({ data }: { readonly data?: unknown }, headers: Carried): object {
  return { [CARRIED]: headers, ...(data === undefined ? {} : { data }) };
}

/** Returns the headers of a last answer: what it has enlisted tells that no other follows. */
export function lastHeaders(headers: Carried): Carried {
  return { [HEADERS.enlisted]: NOTHING, ...headers };
}

/** Tells whether these are headers of a last answer. */
export function isLast(carried: Carried): boolean {
  return carried[HEADERS.enlisted] !== undefined;
}

/** Returns the envelope that a message is, or undefined for any other. */
export function openEnvelope(message: unknown): Envelope | undefined {
  const carried = isObject(message) ? message[CARRIED] : undefined;
  return isObject(message) && isObject(carried)
    ? {
        carried: carried as Carried,
        ...('data' in message ? { data: message['data'] } : {}),
      }
    : undefined;
}

function isRecord(payload: unknown): payload is { readonly data: unknown } {
  return isObject(payload) && 'data' in payload && classNameOf(payload).endsWith('Record');
}

function classNameOf(value: Readonly<Record<string, unknown>>): string {
  return typeof value.constructor === 'function' ? value.constructor.name : '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
