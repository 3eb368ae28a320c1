import type { Observable } from 'rxjs';
import type { Carried } from './message.envelope.js';
import { carriedBeside } from './message.metadata.js';

/** What is needed of Nest's ClientProxy. */
export interface ClientProxyLike {
  send(pattern: unknown, payload: unknown): Observable<unknown>;
  emit?(pattern: unknown, payload: unknown): Observable<unknown>;
}

/** What is needed of the insides of Nest's clients, which declare it for their subclasses. */
export interface ClientInsides {
  serializer?: Serializer;
  deserializer?: Deserializer;
  /** Of NATS: makes its headers from `this.options.headers`. */
  mergeHeaders?: (headers: undefined) => NatsHeaders;
  /** Nest that has it takes metadata in the packets of TCP and Redis. */
  setOnDispatchHook?: unknown;
}

export interface Serializer {
  init?(): unknown;
  serialize(value: unknown, options?: unknown): unknown;
}

export interface Deserializer {
  init?(): unknown;
  deserialize(value: unknown, options?: unknown): unknown;
}

interface NatsHeaders extends Iterable<[string, readonly string[]]> {
  has(name: string): boolean;
  append(name: string, value: string): void;
}

/** What a serializer has made of a message. */
export type Serialized = Readonly<Record<string, unknown>>;

/** Returns it with the context beside the payload. */
export type Stamp = (serialized: Serialized, context: Carried, client: ClientInsides) => Serialized;

/** How messages carry metadata, by the class of their client. MQTT has some only in version 5, which its client does not tell. */
const STAMPS: ReadonlyMap<string, Stamp> = new Map<string, Stamp>([
  ['ClientKafka', inHeaders],
  ['ClientNats', inNatsHeaders],
  ['ClientRMQ', inOptions],
  ['ClientTCP', inPacket],
  ['ClientRedis', inPacket],
]);

/** Tells whether this is one of Nest's clients, or of a class that was derived from them. Any provider may be asked about. */
export function isClientProxy(client: unknown): client is ClientProxyLike {
  try {
    return isObject(client) && 'send' in client && classesOf(client).includes('ClientProxy');
  } catch {
    // A Proxy that stands for what is not there yet: the application must start with it.
    return false;
  }
}

/** Tells whether messages of `client` have a place for the context beside their payload. */
export function hasMetadata(client: object): boolean {
  return stampOf(client) !== undefined;
}

/** Returns how messages of `client` carry metadata; undefined where they do not. */
export function stampOf(client: ClientInsides): Stamp | undefined {
  const stamp = classesOf(client)
    .map((name) => STAMPS.get(name))
    .find((found) => found !== undefined);
  const isMissing =
    typeof client.serializer?.serialize !== 'function' ||
    (stamp === inNatsHeaders && typeof client.mergeHeaders !== 'function') ||
    (stamp === inPacket && typeof client.setOnDispatchHook !== 'function');
  return isMissing ? undefined : stamp;
}

/** Tells whether answers have headers, too, and the client shows them. */
export function hasAnswerHeaders(stamp: Stamp): boolean {
  return stamp === inHeaders;
}

/** By name: @nestjs/microservices need not be installed, and there may be two of it. */
function classesOf(client: object): readonly string[] {
  const names: string[] = [];
  for (let at = client as unknown; isObject(at); at = Object.getPrototypeOf(at)) {
    const made: unknown = at.constructor;
    if (typeof made === 'function') {
      names.push(made.name);
    }
  }
  return names;
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

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
