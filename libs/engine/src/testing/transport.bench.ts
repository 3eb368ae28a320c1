import { setTimeout as delay } from 'node:timers/promises';
import type { BranchReply } from '@atone/core';
import { attemptKey, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import { deferred, TransportDesk, type Deferred, type TransportWorld } from './transport.desk.js';
import { answeringOf } from './transport.model.js';

/** After how long what must come is missed. */
const MISSED_AFTER_MS = 4_000;

/** A command as it came to a participant. */
export interface Asked {
  readonly service: string;
  readonly command: BranchCommand;
}

/** A place in what was asked and in what was replied: everything after it is new. */
export interface Mark {
  readonly askedCount: number;
  readonly replyCount: number;
}

interface Sent {
  readonly command: BranchCommand;
  /** Opens when its answer is let go. */
  readonly gate: Deferred<void>;
}

/** Participants that answer as their commands tell them, and a record of all that they were asked and gave. */
export class TransportBench {
  readonly asked: Asked[] = [];
  private readonly desk: TransportDesk;
  private readonly sent = new Map<string, Sent>();
  private readonly given: { readonly attempt: string; readonly reply: BranchReply }[] = [];
  private watchers: { readonly isOver: () => boolean; readonly over: Deferred<void> }[] = [];
  private gate = deferred();

  constructor(private readonly world: TransportWorld) {
    this.desk = new TransportDesk(world);
    this.desk.onArrival = () => {
      this.look();
    };
  }

  /** What came back, repeats as well. */
  get replies(): readonly ReplyEnvelope[] {
    return this.desk.arrivals;
  }

  /** Returns the command of the attempt as it was handed over. */
  sentAs(command: BranchCommand): BranchCommand | undefined {
    return this.sent.get(attemptKey(command))?.command;
  }

  givenTo(attempt: Omit<ReplyEnvelope, 'reply'>): readonly BranchReply[] {
    return this.given.filter((one) => one.attempt === attemptKey(attempt)).map(({ reply }) => reply);
  }

  async start(service: string): Promise<void> {
    await this.world.start(service, async (command) => this.answer(service, command));
  }

  async kill(service: string): Promise<void> {
    await this.world.kill(service);
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    this.sent.set(attemptKey(command), { command, gate: this.gate });
    this.world.transport.send(command, answerWithinMs);
  }

  /**
   * Lets the answers go that are kept back, those as well whose commands were handed over but have not come yet: nobody
   * may be there to let them go later.
   */
  release(): void {
    this.gate.resolve();
    this.gate = deferred();
  }

  mark(): Mark {
    return { askedCount: this.asked.length, replyCount: this.replies.length };
  }

  /** Waits until each of the commands has come to its participant. */
  async askedSince({ askedCount }: Mark, commands: readonly BranchCommand[]): Promise<void> {
    await this.seen('no participant was asked for', commands.map(attemptKey), () =>
      this.asked.slice(askedCount).map(({ command }) => attemptKey(command)),
    );
  }

  /** Waits until a reply has come to each of the attempts. */
  async repliedSince({ replyCount }: Mark, attempts: readonly string[]): Promise<void> {
    await this.seen('no reply came to', attempts, () => this.replies.slice(replyCount).map(attemptKey));
  }

  /** Closes the transport, and gives what should not happen the chance to happen. */
  async close(): Promise<void> {
    await this.desk.until(this.world.transport.close());
    await this.desk.idle();
  }

  async end(): Promise<void> {
    this.gate.resolve();
    await this.world.end();
  }

  private async answer(service: string, command: BranchCommand): Promise<BranchReply> {
    this.asked.push({ service, command });
    this.look();
    const answering = answeringOf(command);
    if (answering === 'throws') {
      throw new Error('The participant breaks off.');
    }
    if (answering === 'late') {
      await this.sent.get(attemptKey(command))?.gate.promise;
    }
    // Told apart by their number, so that no answer can stand for another.
    const serial = this.given.length + 1;
    const reply = REPLIES[answering](serial);
    this.given.push({ attempt: attemptKey(command), reply });
    return reply;
  }

  private async seen(what: string, wanted: readonly string[], find: () => readonly string[]): Promise<void> {
    const missing = (): readonly string[] => {
      const found = new Set(find());
      return wanted.filter((one) => !found.has(one));
    };
    const over = deferred();
    const watcher = { isOver: () => missing().length === 0, over };
    this.watchers.push(watcher);
    this.look();
    const alarm = new AbortController();
    const missed = delay(MISSED_AFTER_MS, undefined, alarm).catch(() => undefined);
    await this.desk.until(Promise.race([over.promise, missed]));
    alarm.abort();
    if (missing().length > 0) {
      throw new Error(`In ${MISSED_AFTER_MS} ms ${what} ${missing().join(', ')}.`);
    }
  }

  private look(): void {
    for (const { over } of this.watchers.filter(({ isOver }) => isOver())) {
      over.resolve();
    }
    this.watchers = this.watchers.filter(({ isOver }) => !isOver());
  }
}

const REPLIES: Readonly<
  Record<Exclude<ReturnType<typeof answeringOf>, 'throws'>, (serial: number) => BranchReply>
> = {
  done: (serial) => ({ outcome: 'done', output: { serial } }),
  late: (serial) => ({ outcome: 'done', output: { serial } }),
  refused: (serial) => ({ outcome: 'refused', refusal: { reason: `no ${serial}`, isStored: true } }),
  undone: () => ({ outcome: 'undone', wasEmpty: true }),
  'not-yet': (serial) => ({ outcome: 'not-yet', retryAfterMs: 1_000 + serial }),
  unknown: (serial) => ({ outcome: 'unknown', error: { class: 'code', message: `bug ${serial}` } }),
};
