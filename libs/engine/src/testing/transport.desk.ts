import type { BranchReply } from '@atone/core';
import { attemptKey, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import type { BranchTransport } from '../transport.port.js';

/** A participant as a test sees it: what it makes of a command. */
export type ParticipantAnswer = (command: BranchCommand) => BranchReply | Promise<BranchReply>;

/** A transport that was just made, and participants that it can reach. */
export interface TransportWorld {
  readonly transport: BranchTransport;
  /**
   * Starts a participant, known to the transport, with one instance. When `answer` rejects, the participant breaks off
   * what it is just answering.
   */
  start(service: string, answer: ParticipantAnswer): Promise<void>;
  /** Ends a participant without a word: the transport still knows of it. */
  kill(service: string): Promise<void>;
  /**
   * Keeps what is handed over for the service from leaving, until the function that it returns is called. For a
   * transport with a queue of its own.
   */
  holdBack?(service: string): Promise<() => void>;
  /** Moves the transport's clock on. For a transport with a queue of its own. */
  elapse?(ms: number): Promise<void>;
  /** Lets what is due happen. Only for a world whose time stands still unless it is moved. */
  pass?(): Promise<void>;
  /** Closes the transport if it is open, and ends all participants. */
  end(): Promise<void>;
}

export const YES: BranchReply = { outcome: 'done', output: { ok: true } };
/** After how long the desk's commands are given up. */
export const ANSWER_WITHIN_MS = 10_000;
const PASS_COUNT_MAX = 10_000;

/** Sends commands and collects what comes back. */
export class TransportDesk {
  /** What came back, each once: a reply may come twice. */
  readonly replies: ReplyEnvelope[] = [];
  /** What came back, repeats as well. */
  readonly arrivals: ReplyEnvelope[] = [];
  /** Called at whatever comes back. */
  onArrival: () => void = () => undefined;
  /** The branch at whose reply the sink throws. */
  throwsAt: string | undefined;
  private waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(readonly world: TransportWorld) {
    world.transport.onReply((reply) => {
      this.take(reply);
    });
  }

  send(...commands: readonly BranchCommand[]): void {
    for (const command of commands) {
      this.world.transport.send(command, ANSWER_WITHIN_MS);
    }
  }

  /** Starts a participant that says yes, and returns what it sees, as `op branchId`. */
  async witness(service: string): Promise<readonly string[]> {
    const seen: string[] = [];
    await this.world.start(service, ({ op, branchId }) => {
      seen.push(`${op} ${branchId}`);
      return YES;
    });
    return seen;
  }

  async repliedTo(branchId: string): Promise<void> {
    while (!this.replies.some((reply) => reply.branchId === branchId)) {
      // oxlint-disable-next-line no-await-in-loop -- one reply after the other, until the one that matters.
      await this.replied(this.replies.length + 1);
    }
  }

  /** Waits until `count` different replies have come since the start. */
  async replied(count: number): Promise<void> {
    const { promise, resolve } = deferred();
    this.waiters.push({ count, resolve });
    this.wake();
    await this.until(promise);
  }

  /** Waits for `promise`, and moves the world on for as long as it takes. */
  async until(promise: Promise<unknown>): Promise<void> {
    const watch = { isOver: false };
    const over = promise.finally(() => {
      watch.isOver = true;
    });
    for (
      let count = 0;
      this.world.pass !== undefined && count < PASS_COUNT_MAX && !watch.isOver;
      count += 1
    ) {
      // oxlint-disable-next-line no-await-in-loop -- the world moves one step after the other.
      await this.world.pass();
    }
    await over;
  }

  /** Gives what should not happen the chance to happen. */
  async idle(): Promise<void> {
    for (let count = 0; count < 20; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- as above.
      await (this.world.pass?.() ?? immediate());
    }
  }

  private take(reply: ReplyEnvelope): void {
    this.arrivals.push(reply);
    this.onArrival();
    if (!this.replies.some((known) => attemptKey(known) === attemptKey(reply))) {
      this.replies.push(reply);
    }
    this.wake();
    if (reply.branchId === this.throwsAt) {
      throw new Error('The sink throws.');
    }
  }

  private wake(): void {
    const isReached = ({ count }: { readonly count: number }): boolean => count <= this.replies.length;
    const reached = this.waiters.filter(isReached);
    this.waiters = this.waiters.filter((waiter) => !isReached(waiter));
    for (const waiter of reached) {
      waiter.resolve();
    }
  }
}

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

export function deferred<Value = void>(): Deferred<Value> {
  const settle: { resolve?: (value: Value) => void } = {};
  const promise = new Promise<Value>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}

async function immediate(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function sorted(replies: readonly ReplyEnvelope[]): readonly ReplyEnvelope[] {
  return replies.toSorted((left, right) => attemptKey(left).localeCompare(attemptKey(right)));
}

export function gidOf(count: number): string {
  return `0193d6c0-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

/** Returns the first attempt of an action, with what the test is about in place of the ordinary. */
export function commandTo(service: string, change: Partial<BranchCommand> = {}): BranchCommand {
  return {
    gid: gidOf(1),
    branchId: 'reserve',
    op: 'action',
    round: 1,
    attempt: 1,
    service,
    action: 'reserve',
    input: { sku: 'a-1' },
    issuedAt: 1_767_225_600_000,
    ...change,
  };
}
