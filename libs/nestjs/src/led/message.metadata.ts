import { HEADERS } from '@atone/protocol';
import type { Carried } from './message.envelope.js';

/** A trace that somebody else has set is nearer to the message. */
const TRACE: ReadonlySet<string> = new Set([HEADERS.traceparent, HEADERS.baggage]);

/** What is needed of Nest's contexts of messages: each has some of it. By shape, as no transport needs to be installed. */
interface RpcContextLike {
  /** NATS. */
  getHeaders?(): unknown;
  /** TCP and Redis, of Nest 12. */
  getMetadata?(): unknown;
  /** MQTT 5. */
  getPacket?(): { readonly properties?: { readonly userProperties?: unknown } } | undefined;
  /** Kafka, and RabbitMQ in `properties`. */
  getMessage?():
    { readonly headers?: unknown; readonly properties?: { readonly headers?: unknown } } | undefined;
}

/** Returns the metadata of the message that a handler is given, or undefined where it tells of no transaction. */
export function metadataOf(context: unknown): Carried | undefined {
  const metadata = isObject(context) ? textsOf(placeOf(context)) : {};
  return metadata[HEADERS.gid] === undefined ? undefined : metadata;
}

/** Tells whether the message came by Kafka, whose answers are messages with headers, too. */
export function isOfKafka(context: unknown): boolean {
  return isObject(context) && 'getMessage' in context && 'getPartition' in context;
}

/** A context has one of these places. */
function placeOf(context: RpcContextLike): unknown {
  const { properties, headers } = context.getMessage?.() ?? {};
  const places = [
    context.getHeaders?.(),
    context.getMetadata?.(),
    context.getPacket?.()?.properties?.userProperties,
    headers,
    properties?.headers,
  ];
  return places.find(isObject);
}

/** Returns headers of any form as texts: records and lists of pairs; values as texts, octets, several of them, or read as JSON. */
export function textsOf(headers: unknown): Carried {
  if (!isObject(headers)) {
    return {};
  }
  const pairs = isIterable(headers) ? [...headers] : Object.entries(headers);
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => {
      const text = textOf(value);
      return text === undefined ? [] : [[name.toLowerCase(), text]];
    }),
  );
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' || value === undefined || value === null) {
    return value ?? undefined;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString();
  }
  if (Array.isArray(value)) {
    return textOf(value[0]);
  }
  // Nest's parser of Kafka has read what looks like JSON.
  return JSON.stringify(value);
}

/** Returns what is carried beside headers of the message's own. */
export function carriedBeside(hasOwn: (name: string) => boolean, context: Carried): Carried {
  const carried = Object.entries(context).filter(([name]) => !TRACE.has(name) || !hasOwn(name));
  return Object.fromEntries(carried);
}

/** Returns an answer of Kafka with headers: what is a message already keeps its key and its own. */
export function kafkaAnswer({ data }: { readonly data?: unknown }, headers: Carried): object {
  const message: KafkaMessage =
    isObject(data) && ('key' in data || 'value' in data) ? (data as KafkaMessage) : { value: data };
  return { ...message, headers: { ...message.headers, ...headers } };
}

interface KafkaMessage {
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

function isIterable(value: object): value is Iterable<[string, unknown]> {
  return Symbol.iterator in value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
