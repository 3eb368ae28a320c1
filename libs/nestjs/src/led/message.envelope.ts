/** What goes with a message beside its payload: the context of a transaction, or what an answer tells of it. */
export interface Envelope {
  /** Headers, as an HTTP request or its answer would carry them. */
  readonly carried: Readonly<Record<string, string>>;
  /** The payload; absent in the last answer of a handler that gives none. */
  readonly data?: unknown;
}

/** Where they are in the message. A payload of the service's own has no such member. */
const CARRIED = '__atone';

/** Stands in the last answer. */
const LAST = 'last';

/**
 * Returns the payload with the context of its call. What Nest's record builders make, and messages with their payload at
 * `payloadKey`, keep what they hold beside it.
 */
export function envelop(
  payload: unknown,
  context: Readonly<Record<string, string>>,
  payloadKey = 'data',
): unknown {
  if (!isMessage(payload, payloadKey)) {
    return { [CARRIED]: context, data: payload };
  }
  const prototype = Object.getPrototypeOf(payload) as object | null;
  const copy = Object.create(prototype, Object.getOwnPropertyDescriptors(payload)) as object;
  const value = { [CARRIED]: context, data: payload[payloadKey] };
  return Object.defineProperty(copy, payloadKey, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

/** Returns an answer after which others come. */
export function envelopAnswer(data: unknown): object {
  return { [CARRIED]: {}, data };
}

/** Returns the last answer, and with it what the transaction has to know. Without `data` there was no answer at all. */
export function envelopLast(
  { data }: { readonly data?: unknown },
  headers: Readonly<Record<string, string>>,
): object {
  return { [CARRIED]: { ...headers, [LAST]: 'true' }, ...(data === undefined ? {} : { data }) };
}

/** Returns the envelope that a message is, or undefined for any other. */
export function openEnvelope(message: unknown): Envelope | undefined {
  const carried = isObject(message) ? message[CARRIED] : undefined;
  return isObject(message) && isObject(carried)
    ? {
        carried: carried as Envelope['carried'],
        ...('data' in message ? { data: message['data'] } : {}),
      }
    : undefined;
}

/** Tells whether no other answer follows. */
export function isLast({ carried }: Envelope): boolean {
  return carried[LAST] === 'true';
}

function isMessage(payload: unknown, payloadKey: string): payload is Record<string, unknown> {
  const isPlain = payloadKey === 'data' && !classNameOf(payload).endsWith('Record');
  return isObject(payload) && payloadKey in payload && !isPlain;
}

function classNameOf(value: unknown): string {
  return isObject(value) && typeof value.constructor === 'function' ? value.constructor.name : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
