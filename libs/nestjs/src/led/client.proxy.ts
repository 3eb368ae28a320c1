import { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { callCarrying, currentTransaction, isApart, isPastEnd, type AnswerMeaning } from '@atone/participant';
import { HEADERS } from '@atone/protocol';
import { from, mergeMap, Observable, type Observer, type Subscriber, type Subscription } from 'rxjs';
import { carrierOf, inEnvelope, type Carrier } from './message.carrier.js';
import { isLast, openEnvelope } from './message.envelope.js';
import type { ClientProxyLike } from './message.stamp.js';

/** How the messages of a client carry the transaction. */
export interface ClientProxyOptions {
  /**
   * Where the context goes. `metadata`: beside the payload, where transport and version of Nest have a place; else around it, as
   * `envelope` does for all. Default: `metadata`.
   */
  readonly by?: 'metadata' | 'envelope' | undefined;
  /**
   * Whether `send` is refused outside of a transaction, unless within `NOT_SUPPORTED` or `NEVER`, as `mandatoryTo` does for requests: a
   * context that was lost on the way is noticed. Default: no.
   */
  readonly mandatory?: boolean | undefined;
}

/** The same, and how the client came to it. */
export interface CarryOptions extends ClientProxyOptions {
  /**
   * Whether the application says of this client that its receivers take part: what it sends after the end of a transaction is refused.
   * Of others nobody knows, and a timer that began in a transaction must outlive that.
   */
  readonly isNamed: boolean;
}

/** Shared by all copies of this library in the process: a client may be, too. */
const KEY = Symbol.for('atone.clients');

const shared = globalThis as { [KEY]?: WeakSet<object> };
const instrumented = (shared[KEY] ??= new WeakSet<object>());

/**
 * Lets the messages that `client` sends with `send` carry the led transaction around them, and returns it. AtoneModule does so for clients
 * that are providers. A client is instrumented once: whoever comes first decides how.
 *
 * With Kafka, NATS, RabbitMQ, and TCP and Redis of Nest 12, the context is metadata: a receiver without AtoneModule reads the payload as
 * ever. Others send an envelope, which only a receiver with AtoneModule unwraps.
 *
 * A call is numbered at each subscription, in the transaction around that. It is in flight until the last answer came; whoever
 * unsubscribes before takes it off the list. Without an answer it is not sent again. After the end of the transaction it is refused.
 * `emit` carries nothing: an event has no answer that could tell what was done. Within a transaction a warning is logged,
 * once for each pattern.
 */
export function atoneClientProxy<Client extends ClientProxyLike>(
  client: Client,
  options: ClientProxyOptions = {},
): Client {
  letCarry(client, { ...options, isNamed: true });
  return client;
}

/** Lets a client carry transactions, as `atoneClientProxy` does. */
export function letCarry(client: ClientProxyLike, options: CarryOptions): void {
  if (!instrumented.has(client)) {
    instrumented.add(client);
    const carry = options.by === 'envelope' ? inEnvelope : carrierOf(client);
    instrument(client, { carry, options });
  }
}

function instrument(
  client: ClientProxyLike,
  { carry, options }: { readonly carry: Carrier; readonly options: CarryOptions },
): void {
  const send = client.send.bind(client);
  client.send = (pattern, payload) => {
    const sendIt = (given: unknown): Observable<unknown> => send(pattern, given);
    return new Observable((subscriber) => {
      const observer = inPlace(subscriber);
      // Nest refuses a message without a payload.
      if (isOutside(options) || payload === undefined || payload === null) {
        return carry(sendIt, payload, undefined).subscribe(observer);
      }
      const call = new MessageCall(observer, (context) => carry(sendIt, payload, context));
      call.start(`message ${nameOf(pattern)}`);
      return () => call.stop();
    });
  };
  const emit = client.emit?.bind(client);
  if (emit !== undefined) {
    const warn = warnOfEvents();
    client.emit = (pattern, payload) => {
      if (currentTransaction() !== undefined) {
        warn(nameOf(pattern));
      }
      return emit(pattern, payload);
    };
  }
}

/** Tells whether a message is one like any other. What must not be is made as a call, and refused as such. */
function isOutside({ isNamed, mandatory = false }: CarryOptions): boolean {
  const isRefused = (isNamed && isPastEnd()) || (mandatory && !isApart());
  return currentTransaction() === undefined && !isRefused;
}

/**
 * Has answers come to the transaction of whoever subscribes. Clients connect at their first message: by itself all that their
 * connection brings would belong to the transaction around that one, and so would what is sent in answer to it.
 */
function inPlace(subscriber: Subscriber<unknown>): Observer<unknown> {
  const place = new AsyncResource('AtoneMessage');
  return {
    next: (answer) => place.runInAsyncScope(() => subscriber.next(answer)),
    error: (error) => place.runInAsyncScope(() => subscriber.error(error)),
    complete: () => place.runInAsyncScope(() => subscriber.complete()),
  };
}

/** Patterns may be made by the message. */
const WARNED_MAX = 100;

function warnOfEvents(): (pattern: string) => void {
  const warned = new Set<string>();
  return (pattern) => {
    if (!warned.has(pattern) && warned.size < WARNED_MAX) {
      warned.add(pattern);
      new Logger('Atone').warn(
        `The event ${pattern} was emitted within a global transaction, and stays when that is aborted: an event has no answer, and so carries nothing. Emit it when the commit is certain, by currentTransaction()?.afterCommit(() => client.emit(…)), or use send.`,
      );
    }
  };
}

function nameOf(pattern: unknown): string {
  return JSON.stringify(pattern);
}

/** What the last answer holds, and what it tells of the call. */
interface LastAnswer {
  readonly answers: readonly unknown[];
  readonly meaning: AnswerMeaning;
}

/** One message, until its last answer. */
class MessageCall {
  private subscription: Subscription | undefined;
  private giveUp: (() => void) | undefined;

  constructor(
    private readonly subscriber: Observer<unknown>,
    private readonly send: (context: Readonly<Record<string, string>>) => Observable<unknown>,
  ) {}

  /** The last answer is passed on when the call is settled: who takes it and goes, as `firstValueFrom` does, has had all of it. */
  start(label: string): void {
    const called = callCarrying<LastAnswer>({
      label,
      send: (context, giveUp) => this.lastAnswer(context, giveUp),
      meaningOf: ({ meaning }) => meaning,
    });
    from(called)
      .pipe(mergeMap(({ answers }) => answers))
      .subscribe(this.subscriber);
  }

  stop(): void {
    this.subscription?.unsubscribe();
    this.giveUp?.();
  }

  private lastAnswer(context: Readonly<Record<string, string>>, giveUp: () => void): Promise<LastAnswer> {
    return new Promise((resolve, reject) => {
      this.giveUp = () => {
        giveUp();
        reject(new Error('Nobody waits for the answer any more.'));
      };
      this.subscription = this.send(context).subscribe({
        next: (answer) => {
          const envelope = openEnvelope(answer);
          if (envelope === undefined || !isLast(envelope.carried)) {
            this.subscriber.next(answer);
            return;
          }
          const enlisted = envelope.carried[HEADERS.enlisted];
          const answers = 'data' in envelope ? [envelope.data] : [];
          resolve({ answers, meaning: { isNormal: true, enlisted } });
        },
        error: reject,
        complete: () => resolve({ answers: [], meaning: { isNormal: true } }),
      });
    });
  }
}
