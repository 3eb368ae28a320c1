import { replyTo, type ActionEntry, type BranchCommand, type CatalogueInstance } from '@atone/protocol';
import type { Clock } from '@atone/engine';
import { classifyPlain, unknown } from './classification.js';
import type { ExchangeEnd, ExchangeWatcher, ResponseHeaders } from './exchange.js';
import { requestEndOf, type CallObserver } from './library.call.js';
import type { HttpTransportLimits } from './limits.js';
import { textOf } from './ndjson.lines.js';
import type { Waiting } from './service.queue.js';

/** The request for a command, or what is known without one. */
export type PlainRequest =
  | { readonly type: 'request'; readonly path: string; readonly body: string }
  | { readonly type: 'answered'; readonly reply: ReturnType<typeof unknown> };

/** Returns what a plain endpoint is asked for `command`. */
export function plainRequest(
  instance: CatalogueInstance,
  command: BranchCommand,
  bodyBytesMax: number,
): PlainRequest {
  const entry = instance.actions.find((candidate) => candidate.name === command.action);
  const { op, input, output, reason } = command;
  if (op === 'close-confirm' || op === 'close-compensate') {
    // Nothing keeps rounds there, so an operator's word that the end is settled by hand is all there can be.
    return { type: 'answered', reply: { outcome: 'closed' } };
  }
  if (op === 'close-action') {
    return impossible('error', 'A plain endpoint keeps no barrier, so that its rounds cannot be closed.');
  }
  const { what, path } = plainTarget(entry, op);
  if (path === undefined) {
    return impossible(
      'action-gone',
      `The service '${command.service}' has no path for the ${what} '${command.action}' in the catalogue.`,
    );
  }
  const body = JSON.stringify(op === 'action' ? (input ?? null) : { input: input ?? null, output, reason });
  const bytes = Buffer.byteLength(body);
  return bytes > bodyBytesMax
    ? impossible('bad-payload', tooLargeMessage(bytes, bodyBytesMax))
    : { type: 'request', path, body };
}

function plainTarget(
  entry: ActionEntry | undefined,
  op: 'action' | 'confirm' | 'compensate',
): { readonly what: string; readonly path: string | undefined } {
  switch (op) {
    case 'action':
      return { what: 'action', path: entry?.path };
    case 'confirm':
      return { what: 'confirm of', path: entry?.confirmPath };
    case 'compensate':
      return { what: 'compensation of', path: entry?.compensatePath };
  }
}

export function tooLargeMessage(bytes: number, bodyBytesMax: number): string {
  return `The command was not sent: its ${bytes} octets are more than the ${bodyBytesMax} that a request may have.`;
}

function impossible(errorClass: 'error' | 'action-gone' | 'bad-payload', message: string): PlainRequest {
  return { type: 'answered', reply: unknown(errorClass, message) };
}

/** A command in flight to an endpoint without the library: the status of the answer is the reply. */
export class PlainCall implements ExchangeWatcher {
  private status = 0;
  private headers: ResponseHeaders = {};
  private readonly body: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly waiting: Waiting,
    private readonly context: {
      readonly limits: HttpTransportLimits;
      readonly clock: Clock;
      readonly observer: CallObserver;
    },
  ) {}

  lastGiveUpAt(): number {
    return this.waiting.giveUpAt;
  }

  onStart(status: number, headers: ResponseHeaders): void {
    this.status = status;
    this.headers = headers;
  }

  onChunk(chunk: Buffer): boolean {
    const roomBytes = this.context.limits.replyBytesMax - this.bytes;
    this.bytes += chunk.length;
    this.body.push(chunk.subarray(0, roomBytes));
    return chunk.length <= roomBytes;
  }

  onEnd(end: ExchangeEnd): void {
    const { observer } = this.context;
    if (end.type === 'withdrawn') {
      observer.end('withdrawn');
      return;
    }
    const reply = this.replyFor(end);
    observer.reply(replyTo(this.waiting.command, reply));
    observer.end(requestEndOf(reply, end));
  }

  private replyFor(end: Exclude<ExchangeEnd, { type: 'withdrawn' }>): ReturnType<typeof unknown> {
    if (end.type === 'broken') {
      return unknown(end.class, end.message);
    }
    const { status, headers } = this;
    const answer = { status, headers, text: textOf(this.body), isWhole: end.type === 'complete' };
    return classifyPlain(this.waiting.command, answer, this.context.clock.now());
  }
}
