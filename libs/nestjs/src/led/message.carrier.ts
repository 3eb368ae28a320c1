import { MisuseError } from '@atone/participant';
import { HEADERS } from '@atone/protocol';
import type { Observable } from 'rxjs';
import { envelop, envelopLast, isLast, type Carried } from './message.envelope.js';
import { carriedBeside, textsOf } from './message.metadata.js';

/** What is needed of Nest's ClientProxy. */
export interface ClientProxyLike {
  send(pattern: unknown, payload: unknown): Observable<unknown>;
  emit?(pattern: unknown, payload: unknown): Observable<unknown>;
}

/** Returns what a client is given to send, so that `context` goes with `payload`. */
export type Carrier = (payload: unknown, context: Carried) => unknown;

/** What is needed of the insides of Nest's clients, which declare it for their subclasses. */
interface ClientInsides {
  serializer?: Serializer;
  deserializer?: Deserializer;
  /** Of NATS: makes its headers from `this.options.headers`. */
  mergeHeaders?: (headers: undefined) => NatsHeaders;
  /** Nest that has it takes metadata in the packets of TCP and Redis. */
  setOnDispatchHook?: unknown;
}

interface Serializer {
  init?(): unknown;
  serialize(value: unknown, options?: unknown): unknown;
}

interface Deserializer {
  init?(): unknown;
  deserialize(value: unknown, options?: unknown): unknown;
}

interface NatsHeaders extends Iterable<[string, readonly string[]]> {
  has(name: string): boolean;
  append(name: string, value: string): void;
}

/** What a serializer has made of a message. */
type Serialized = Readonly<Record<string, unknown>>;

/** Returns it with the context beside the payload. */
type Stamp = (serialized: Serialized, context: Carried, client: ClientInsides) => Serialized;

/** How messages carry metadata, by the class of their client. MQTT has some only in version 5, which its client does not tell. */
const STAMPS: ReadonlyMap<string, Stamp> = new Map<string, Stamp>([
  ['ClientKafka', inHeaders],
  ['ClientNats', inNatsHeaders],
  ['ClientRMQ', inOptions],
  ['ClientTCP', inPacket],
  ['ClientRedis', inPacket],
]);

/** Tells whether this is one of Nest's clients, or of a class that was derived from them. */
export function isClientProxy(client: unknown): client is ClientProxyLike {
  return isObject(client) && 'send' in client && classesOf(client).includes('ClientProxy');
}

/** Tells whether messages of `client` have a place for the context beside their payload. */
export function hasMetadata(client: object): boolean {
  return stampOf(client) !== undefined;
}

/** Lets messages of `client` carry a context in their metadata, or else around their payload. */
export function carrierOf(client: object): Carrier {
  const stamp = stampOf(client);
  if (stamp === undefined) {
    return envelop;
  }
  const insides: ClientInsides = client;
  insides.serializer = stamping(insides, stamp);
  if (stamp === inHeaders) {
    insides.deserializer = readingHeaders(insides.deserializer);
  }
  return (payload, context) => new Loaded(payload, context);
}

function stampOf(client: ClientInsides): Stamp | undefined {
  const stamp = classesOf(client)
    .map((name) => STAMPS.get(name))
    .find((found) => found !== undefined);
  const isMissing =
    typeof client.serializer?.serialize !== 'function' ||
    (stamp === inNatsHeaders && typeof client.mergeHeaders !== 'function') ||
    (stamp === inPacket && typeof client.setOnDispatchHook !== 'function');
  return isMissing ? undefined : stamp;
}

/** By name: @nestjs/microservices need not be installed, and there may be two of it. */
function classesOf(client: object): readonly string[] {
  const names: string[] = [];
  for (let at = client as unknown; isObject(at); at = Object.getPrototypeOf(at)) {
    names.push(at.constructor.name);
  }
  return names;
}

/** A payload on its way through a client to its serializer. */
class Loaded {
  constructor(
    readonly payload: unknown,
    readonly context: Carried,
  ) {}

  /** For whoever looks at messages on their way. */
  toJSON(): unknown {
    return this.payload;
  }
}

/** The serializer sees the message without the context, whatever the user has made of it. */
function stamping(client: ClientInsides, stamp: Stamp): Serializer {
  const own = client.serializer as Serializer;
  return {
    init: () => own.init?.(),
    serialize: (value, options) => {
      const loaded = loadedOf(value);
      if (loaded === undefined) {
        return own.serialize(value, options);
      }
      const plain = value === loaded ? loaded.payload : { ...(value as object), data: loaded.payload };
      return after(own.serialize(plain, options), (serialized) => {
        if (!isObject(serialized)) {
          throw new MisuseError(
            'The serializer of a client returns no object, so that its messages cannot carry the transaction around them. Leave the client out of `propagation.clients` of AtoneModule if its receivers take no part, or use another serializer.',
          );
        }
        return stamp(serialized as Serialized, loaded.context, client);
      });
    },
  };
}

/** Kafka serializes payloads, all others packets. */
function loadedOf(value: unknown): Loaded | undefined {
  const payload = isObject(value) && 'data' in value ? value.data : value;
  return payload instanceof Loaded ? payload : undefined;
}

function inHeaders(message: Serialized, context: Carried): Serialized {
  return { ...message, headers: joined(message['headers'], context) };
}

function inOptions(packet: Serialized, context: Carried): Serialized {
  return { ...packet, options: inHeaders((packet['options'] ?? {}) as Serialized, context) };
}

function inPacket(packet: Serialized, context: Carried): Serialized {
  return { ...packet, metadata: joined(packet['metadata'], context) };
}

function joined(headers: unknown, context: Carried): Serialized {
  const own = (headers ?? {}) as Serialized;
  return { ...own, ...carriedBeside((name) => own[name] !== undefined, context) };
}

/** In headers of their own: the record may be sent again outside of the transaction. */
function inNatsHeaders(record: Serialized, context: Carried, { mergeHeaders }: ClientInsides): Serialized {
  const own = record['headers'] as NatsHeaders | undefined;
  const carried = carriedBeside((name) => own?.has(name) === true, context);
  const headers = mergeHeaders?.call({ options: { headers: carried } }, undefined) as NatsHeaders;
  for (const [name, values] of own ?? []) {
    if (!(name in carried)) {
      values.forEach((value) => headers.append(name, value));
    }
  }
  return { ...record, headers };
}

/** An answer of Kafka tells in its headers what an envelope tells elsewhere. */
function readingHeaders(own: Deserializer | undefined): Deserializer {
  return {
    init: () => own?.init?.(),
    deserialize: (message, options) =>
      after(own?.deserialize(message, options), (packet) => {
        const carried = textsOf((message as { readonly headers?: unknown }).headers);
        const { response: data, err } = packet as { readonly response?: unknown; readonly err?: unknown };
        const isOurs = isLast(carried) && (err === undefined || err === null);
        const enlisted = { [HEADERS.enlisted]: carried[HEADERS.enlisted] ?? '' };
        return isOurs ? { ...(packet as object), response: envelopLast({ data }, enlisted) } : packet;
      }),
  };
}

/** Waits only for what has to be waited for: some clients take no promise. */
function after(value: unknown, then: (value: unknown) => unknown): unknown {
  return value instanceof Promise ? value.then(then) : then(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
