import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { runInbound, type AtoneClient } from '@atone/participant';
import { from, Observable, type Subscription } from 'rxjs';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';
import { envelopAnswer, envelopLast, openEnvelope, type Envelope } from './message.envelope.js';

/**
 * Lets messages that carry a led transaction run in it, and their answers tell what they have enlisted. Only these are
 * touched: whoever sends no context gets plain answers.
 */
@Injectable()
export class MessageInterceptor implements NestInterceptor {
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly registrar: AtoneClient,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const args = context.getArgs<unknown[]>();
    const envelope = context.getType() === 'rpc' ? openEnvelope(args[0]) : undefined;
    if (envelope === undefined) {
      return next.handle();
    }
    // This is what the handler and its pipes are given.
    args[0] = envelope.data;
    // The envelope is opened in any case, else no handler could read it.
    const headers = this.options.propagation?.inbound === false ? {} : envelope.carried;
    return this.answersTo(headers, next);
  }

  private answersTo(headers: Envelope['carried'], next: CallHandler): Observable<object> {
    const { registrar } = this;
    return new Observable<object>((subscriber) => {
      const answers = new Answers((earlier) => subscriber.next(envelopAnswer(earlier)));
      const running = runInbound({ headers, registrar }, () => answers.lastOf(next));
      const last = running.then(({ result, responseHeaders }) => envelopLast(result, responseHeaders));
      const subscription = from(last).subscribe(subscriber);
      return () => {
        subscription.unsubscribe();
        answers.stop();
      };
    });
  }
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
