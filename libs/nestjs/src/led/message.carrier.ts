import { AsyncLocalStorage } from 'node:async_hooks';
import { MisuseError } from '@atone/participant';
import { HEADERS } from '@atone/protocol';
import { Observable, tap } from 'rxjs';
import { envelop, envelopLast, isLast, type Carried } from './message.envelope.js';
import { textsOf } from './message.metadata.js';
import {
  hasAnswerHeaders,
  stampOf,
  type ClientInsides,
  type Deserializer,
  type Serialized,
  type Serializer,
  type Stamp,
} from './message.stamp.js';

/** Sends a payload, as the client does by itself. */
type Send = (payload: unknown) => Observable<unknown>;

/** Has `send` send a payload together with a context, or without any. */
export type Carrier = (send: Send, payload: unknown, context: Carried | undefined) => Observable<unknown>;

/** Puts the context around the payload. */
export const inEnvelope: Carrier = (send, payload, context) =>
  send(context === undefined ? payload : envelop(payload, context));

/** Lets messages of `client` carry a context in their metadata, or else around their payload. */
export function carrierOf(client: object): Carrier {
  const stamp = stampOf(client);
  if (stamp === undefined) {
    return inEnvelope;
  }
  const insides: ClientInsides = client;
  insides.serializer = stamping(insides, stamp);
  if (hasAnswerHeaders(stamp)) {
    insides.deserializer = readingHeaders(insides.deserializer);
  }
  return inMetadata;
}

/** A message on its way through its client to the serializer. */
interface Sending {
  readonly context: Carried;
  isStamped: boolean;
}

/** What the code is about to send. Thereby classes derived from a client, and its hooks, see the payload as it is. */
const current = new AsyncLocalStorage<Sending | undefined>();

const inMetadata: Carrier = (send, payload, context) =>
  new Observable((subscriber) => {
    const sending = context && { context, isStamped: false };
    return current.run(sending, () => send(payload).pipe(checking(sending)).subscribe(subscriber));
  });

/** What was sent without its context is done outside of the transaction, and must not look as if it were part of it. */
function checking(sending: Sending | undefined): (answers: Observable<unknown>) => Observable<unknown> {
  const check = (): void => {
    if (sending?.isStamped === false) {
      throw new MisuseError(
        'A client has sent a message without the transaction around it: its class does not use its serializer, or lost the context on the way, by a queue of its own for example. Leave the client out of `propagation.clients` of AtoneModule if its receivers take no part, else pass it to atoneClientProxy(client, { by: "envelope" }).',
      );
    }
  };
  return tap({ next: check, complete: check });
}

/** The user's own serializer sees the message without the context. */
function stamping(client: ClientInsides, stamp: Stamp): Serializer {
  const own = client.serializer as Serializer;
  return {
    init: () => own.init?.(),
    serialize: (value, options) => {
      const sending = current.getStore();
      const serialized = own.serialize(value, options);
      if (sending === undefined) {
        return serialized;
      }
      return after(serialized, (message) => {
        const stamped = stamp(objectOf(message), sending.context, client);
        sending.isStamped = true;
        return stamped;
      });
    },
  };
}

function objectOf(message: unknown): Serialized {
  if (typeof message !== 'object' || message === null) {
    throw new MisuseError(
      'The serializer of a client returns no object, so that its messages cannot carry the transaction around them. Leave the client out of `propagation.clients` of AtoneModule if its receivers take no part, or use another serializer.',
    );
  }
  return message as Serialized;
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
