import type { BranchReply } from '@atone/core';
import { attemptKey, readReply, replyTo, type ReplyEnvelope } from '@atone/protocol';
import { libraryMeaning, statusMessage, unknown } from './classification.js';
import type { ExchangeEnd, ExchangeWatcher } from './exchange.js';
import type { RequestEnd } from './instance.load.js';
import type { HttpTransportLimits } from './limits.js';
import { NdjsonLines, textOf } from './ndjson.lines.js';
import type { Waiting } from './service.queue.js';

export interface CallObserver {
  reply(envelope: ReplyEnvelope): void;
  /** Called when no command of the route is unanswered any more, unless the whole call ends. */
  endRoute(route: string): void;
  /** Called once, after the last reply. */
  end(how: RequestEnd): void;
}

/** Returns what `reply`, given to what a request left unanswered, says about the instance. */
export function requestEndOf(reply: BranchReply, end: ExchangeEnd): RequestEnd {
  if (end.type === 'broken' && end.class === 'timeout') {
    return 'timeout';
  }
  return reply.outcome === 'unknown' && reply.error.class === 'unreachable' ? 'unreachable' : 'reached';
}

/** A batch in flight. Each line of the answer is a reply, told as soon as it is in. */
export class LibraryCall implements ExchangeWatcher {
  private readonly unanswered: Map<string, Waiting>;
  private readonly routeCounts = new Map<string, number>();
  private readonly lines: NdjsonLines;
  private readonly answerBytesMax: number;
  private status = 0;
  private unreadableCount = 0;
  private answerBytes = 0;
  private errorBody: Buffer[] = [];

  constructor(
    batch: readonly Waiting[],
    private readonly limits: HttpTransportLimits,
    private readonly observer: CallObserver,
  ) {
    this.unanswered = new Map(batch.map((waiting) => [attemptKey(waiting.command), waiting]));
    for (const { route } of this.unanswered.values()) {
      this.routeCounts.set(route, (this.routeCounts.get(route) ?? 0) + 1);
    }
    this.lines = new NdjsonLines(limits.replyBytesMax, (line) => {
      this.onLine(line);
    });
    this.answerBytesMax = (batch.length + 1) * limits.replyBytesMax;
  }

  lastGiveUpAt(): number {
    return Math.max(...[...this.unanswered.values()].map(({ giveUpAt }) => giveUpAt));
  }

  onStart(status: number): void {
    this.status = status;
  }

  onChunk(chunk: Buffer): boolean {
    this.answerBytes += chunk.length;
    if (libraryMeaning(this.status) === 'yes') {
      this.lines.push(chunk);
      return this.answerBytes <= this.answerBytesMax;
    }
    this.errorBody.push(chunk);
    return this.answerBytes <= this.limits.replyBytesMax;
  }

  onEnd(end: ExchangeEnd): void {
    const reply = this.replyToUnanswered(end);
    for (const { command } of this.unanswered.values()) {
      this.observer.reply(replyTo(command, reply));
    }
    this.observer.end(requestEndOf(reply, end));
  }

  private replyToUnanswered(end: ExchangeEnd): ReturnType<typeof unknown> {
    if (end.type === 'broken') {
      return unknown(end.class, end.message);
    }
    const meaning = libraryMeaning(this.status);
    if (meaning !== 'yes') {
      return unknown(
        meaning === 'unreachable' ? meaning : 'error',
        statusMessage(this.status, textOf(this.errorBody)),
      );
    }
    if (end.type === 'complete') {
      this.lines.end();
    }
    return unknown('error', this.missingLineMessage());
  }

  private missingLineMessage(): string {
    const unreadable = this.unreadableCount;
    const { tooLongCount } = this.lines;
    return [
      'The answer ended without a line for this command.',
      ...(unreadable === 0 ? [] : [`${unreadable} of its lines made no sense.`]),
      ...(tooLongCount === 0
        ? []
        : [`${tooLongCount} of its lines had more than ${this.limits.replyBytesMax} octets.`]),
    ].join(' ');
  }

  private onLine(line: string): void {
    const envelope = readReply(line);
    if (envelope === undefined) {
      this.unreadableCount += 1;
      return;
    }
    // A line for a command that is not in this batch, or is answered, has nobody who waits for it.
    const key = attemptKey(envelope);
    const waiting = this.unanswered.get(key);
    if (waiting !== undefined) {
      this.unanswered.delete(key);
      this.countDown(waiting.route);
      this.observer.reply(envelope);
    }
  }

  private countDown(route: string): void {
    const left = (this.routeCounts.get(route) ?? 0) - 1;
    this.routeCounts.set(route, left);
    if (left === 0 && this.unanswered.size > 0) {
      this.observer.endRoute(route);
    }
  }
}
