import { callCarrying, currentTransaction, type AnswerMeaning } from '@atone/participant';
import { HEADERS } from '@atone/protocol';
import { from, mergeMap, Observable, type Subscriber, type Subscription } from 'rxjs';
import { envelop, isLast, openEnvelope } from './message.envelope.js';

/** What is needed of Nest's ClientProxy. */
export interface ClientProxyLike {
  send(pattern: unknown, payload: unknown): Observable<unknown>;
}

const instrumented = new WeakSet<object>();

/**
 * Lets the messages that `client` sends with `send` carry the led transaction around them, and returns it. For services that have
 * AtoneModule themselves: they get the payload in an envelope, and unwrap it.
 *
 * A call is numbered at each subscription, in the transaction around that. It is in flight until the last answer came; whoever
 * unsubscribes before takes it off the list. Without an answer it is not sent again. `emit` carries nothing: an event has no
 * answer that could tell what was done.
 */
export function atoneClientProxy<Client extends ClientProxyLike>(client: Client): Client {
  if (instrumented.has(client)) {
    return client;
  }
  instrumented.add(client);
  const send = client.send.bind(client);
  const keyOfPayload = payloadKeyOf(client);
  client.send = (pattern, payload) =>
    new Observable((subscriber) => {
      // Nest refuses a message without a payload.
      if (currentTransaction() === undefined || payload === undefined || payload === null) {
        return send(pattern, payload).subscribe(subscriber);
      }
      const call = new MessageCall(subscriber, (context) =>
        send(pattern, envelop(payload, context, keyOfPayload)),
      );
      call.start(`message ${JSON.stringify(pattern)}`);
      return () => call.stop();
    });
  return client;
}

/** Messages of Kafka have a key and headers beside their payload. */
function payloadKeyOf(client: object): string | undefined {
  for (
    let at: unknown = client;
    typeof at === 'object' && at !== null;
    at = Object.getPrototypeOf(at) as unknown
  ) {
    if (at.constructor.name === 'ClientKafka') {
      return 'value';
    }
  }
  return undefined;
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
    private readonly subscriber: Subscriber<unknown>,
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
          if (envelope !== undefined && isLast(envelope)) {
            const enlisted = envelope.carried[HEADERS.enlisted];
            const answers = 'data' in envelope ? [envelope.data] : [];
            resolve({ answers, meaning: { isNormal: true, enlisted } });
          } else {
            this.subscriber.next(envelope === undefined ? answer : envelope.data);
          }
        },
        error: reject,
        complete: () => resolve({ answers: [], meaning: { isNormal: true } }),
      });
    });
  }
}
