import {
  replyEnvelopeSchema,
  replyTo,
  type BranchCommand,
  type CommandBatch,
  type ReplyEnvelope,
} from '@atone/protocol';
import { libraryMeaning, statusMessage, unknown } from './classification.js';
import type { ExchangeEnd, ExchangeWatcher } from './exchange.js';
import type { HttpTransportLimits } from './limits.js';
import { NdjsonLines, textOf } from './ndjson.lines.js';
import type { ServiceQueue } from './service.queue.js';

const BODY_START = `{"protocol":${1 satisfies CommandBatch['protocol']},"commands":[`;
const BODY_END = ']}';

/** What goes out in one request. `oversized` commands cannot go out at all. */
export interface Batch {
  readonly commands: readonly BranchCommand[];
  readonly oversized: readonly BranchCommand[];
  readonly body: string;
}

/** Takes as many commands from the queue as one request may carry. */
export function takeBatch(queue: ServiceQueue, limits: HttpTransportLimits): Batch {
  const commands: BranchCommand[] = [];
  const oversized: BranchCommand[] = [];
  const parts: string[] = [];
  let bytes = BODY_START.length + BODY_END.length;
  queue.take((command) => {
    if (commands.length === limits.commandCountMax) {
      return false;
    }
    const part = JSON.stringify(command);
    const partBytes = Buffer.byteLength(part) + 1;
    if (partBytes + BODY_START.length + BODY_END.length > limits.bodyBytesMax) {
      oversized.push(command);
      return true;
    }
    if (bytes + partBytes > limits.bodyBytesMax) {
      return false;
    }
    bytes += partBytes;
    commands.push(command);
    parts.push(part);
    return true;
  });
  return { commands, oversized, body: BODY_START + parts.join(',') + BODY_END };
}

interface CallEnd {
  /** Whether somebody was there who could have answered. */
  readonly wasReached: boolean;
}

export interface CallObserver {
  reply(envelope: ReplyEnvelope): void;
  /** Called once, after the last reply. */
  end(end: CallEnd): void;
}

/** A batch in flight. Each line of the answer is a reply, told as soon as it is in. */
export class LibraryCall implements ExchangeWatcher {
  private readonly unanswered: Map<string, BranchCommand>;
  private readonly lines: NdjsonLines;
  private readonly answerBytesMax: number;
  private status = 0;
  private unreadableCount = 0;
  private answerBytes = 0;
  private errorBody: Buffer[] = [];

  constructor(
    commands: readonly BranchCommand[],
    private readonly limits: HttpTransportLimits,
    private readonly observer: CallObserver,
  ) {
    this.unanswered = new Map(commands.map((command) => [attemptKey(command), command]));
    this.lines = new NdjsonLines(limits.replyBytesMax, (line) => {
      this.onLine(line);
    });
    this.answerBytesMax = (commands.length + 1) * limits.replyBytesMax;
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
    for (const command of this.unanswered.values()) {
      this.observer.reply(replyTo(command, reply));
    }
    const wasReached = reply.outcome !== 'unknown' || reply.error.class !== 'unreachable';
    this.observer.end({ wasReached });
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
    const envelope = readEnvelope(line);
    if (envelope === undefined) {
      this.unreadableCount += 1;
      return;
    }
    // A line for a command that is not in this batch, or is answered, has nobody who waits for it.
    if (this.unanswered.delete(attemptKey(envelope))) {
      this.observer.reply(envelope);
    }
  }
}

function readEnvelope(line: string): ReplyEnvelope | undefined {
  try {
    return replyEnvelopeSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function attemptKey({ gid, branchId, op, round, attempt }: Omit<ReplyEnvelope, 'reply'>): string {
  return `${gid} ${branchId} ${op} ${round} ${attempt}`;
}
