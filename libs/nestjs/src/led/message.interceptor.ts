import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { currentTransaction, runInbound, type AtoneClient } from '@atone/participant';
import { from, Observable, type Subscription } from 'rxjs';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';
import { envelopLast, lastHeaders, openEnvelope, type Carried } from './message.envelope.js';
import { isOfKafka, kafkaAnswer, metadataOf } from './message.metadata.js';
import { toldRefusal } from './message.refusal.js';

/**
 * Lets messages that carry a led transaction run in it, and their answers tell what they have enlisted, or why they were
 * refused. Only these are touched: whoever sends no context gets plain answers.
 */
@Injectable()
export class MessageInterceptor implements NestInterceptor {
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly registrar: AtoneClient,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc' || isOfEvent(context)) {
      return next.handle();
    }
    const [payload, about] = context.getArgs<unknown[]>();
    const envelope = openEnvelope(payload);
    if (envelope !== undefined) {
      // This is what the handler and its pipes are given.
      context.getArgs<unknown[]>()[0] = envelope.data;
    }
    const carried = envelope?.carried ?? metadataOf(about);
    const isTaken = this.options.propagation?.inbound !== false;
    // The envelope is opened in any case, else no handler could read it, and answered by one.
    const headers = isTaken ? carried : envelope && {};
    const answer = isOfKafka(about) && envelope === undefined ? kafkaAnswer : envelopLast;
    return headers === undefined ? next.handle() : this.answersTo(headers, { next, answer });
  }

  private answersTo(headers: Carried, { next, answer }: Answering): Observable<unknown> {
    const { registrar } = this;
    return new Observable<unknown>((subscriber) => {
      const answers = new Answers((earlier) => subscriber.next(earlier));
      let isPart = false;
      const running = runInbound({ headers, registrar }, () => {
        isPart = currentTransaction() !== undefined;
        return answers.lastOf(next);
      });
      const last = running.then(
        ({ result, responseHeaders }) => answer(result, lastHeaders(responseHeaders)),
        async (error: unknown) => {
          throw isPart ? await toldRefusal(error) : error;
        },
      );
      const subscription = from(last).subscribe(subscriber);
      return () => {
        subscription.unsubscribe();
        answers.stop();
      };
    });
  }
}

interface Answering {
  readonly next: CallHandler;
  /** Makes the last answer. */
  readonly answer: (last: { readonly data?: unknown }, headers: Carried) => object;
}

/** As Nest notes them on handlers. */
const HANDLER_TYPE = 'microservices:handler_type';
const EVENT = 2;

/** An event has no answer: nobody would learn what it has enlisted. */
function isOfEvent(context: ExecutionContext): boolean {
  return Reflect.getMetadata(HANDLER_TYPE, context.getHandler()) === EVENT;
}

/** Passes on each answer when the next one comes, so that the last can tell what all of them have enlisted. */
class Answers {
  private subscription: Subscription | undefined;
  private held: { readonly data?: unknown } = {};
  private give: ((error: Error) => void) | undefined;

  constructor(private readonly passOn: (earlier: unknown) => void) {}

  /** Returns the last answer, or none where there was none at all. */
  lastOf(next: CallHandler): Promise<{ readonly data?: unknown }> {
    return new Promise((resolve, reject) => {
      this.give = reject;
      this.subscription = next.handle().subscribe({
        next: (data: unknown) => {
          if ('data' in this.held) {
            this.passOn(this.held.data);
          }
          this.held = { data };
        },
        error: reject,
        complete: () => resolve(this.held),
      });
    });
  }

  /** Nobody waits any more. */
  stop(): void {
    this.subscription?.unsubscribe();
    this.give?.(new Error('Nobody waits for the answer any more.'));
  }
}
