import type { BranchErrorClass } from '@atone/core';
import type { Clock, Timer } from '@atone/engine';
import type { Dispatcher, Pool } from 'undici';

export interface HttpRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * `cut-short`: the watcher had seen enough. `withdrawn`: it never left, and nobody waits for it. `broken`: the network,
 * the limit or the end of this process.
 */
export type ExchangeEnd =
  | { readonly type: 'complete' }
  | { readonly type: 'cut-short' }
  | { readonly type: 'withdrawn' }
  | { readonly type: 'broken'; readonly class: BranchErrorClass; readonly message: string };

/** What looks at an answer while it comes in. */
export interface ExchangeWatcher {
  /** When the last command was given up whose answer is still missing. */
  lastGiveUpAt(): number;
  onStart(status: number, headers: ResponseHeaders): void;
  /** Returns false to stop the answer here. */
  onChunk(chunk: Buffer): boolean;
  /** Called once, and nothing after it. */
  onEnd(end: ExchangeEnd): void;
}

export interface ExchangeLimit {
  readonly clock: Clock;
  /** When the first of its commands is given up: from here on the request must not leave. */
  readonly firstGiveUpAt: number;
  readonly lateAnswerMs: number;
}

/**
 * One POST and its answer. Redirects are not followed.
 *
 * It is cut off a little after the last of its commands that still lack an answer was given up.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private isOver = false;
  private hasLeft = false;
  private timer: Timer;
  private readonly begunAt: number;

  constructor(
    private readonly watcher: ExchangeWatcher,
    private readonly limit: ExchangeLimit,
  ) {
    this.begunAt = limit.clock.now();
    this.timer = this.timerFor(limit.firstGiveUpAt);
  }

  start(pool: Pool, request: HttpRequest): void {
    const { path, headers, body } = request;
    pool.dispatch({ method: 'POST', path, headers: { ...headers }, body }, this);
  }

  /** Ends the exchange before its time; the watcher is told `end`. */
  stop(end: ExchangeEnd): void {
    this.finish(end);
    this.controller?.abort(new Error('The exchange was stopped.'));
  }

  /** Keeps a request that still waits for its connection from leaving. Does nothing to one that has left. */
  withdraw(): void {
    if (!this.hasLeft) {
      this.stop({ type: 'withdrawn' });
    }
  }

  /** Called right before the first octet is written, however long the connection took. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) {
      controller.abort(new Error('The exchange was stopped before it began.'));
      return;
    }
    const { clock, firstGiveUpAt } = this.limit;
    if (clock.now() >= firstGiveUpAt) {
      this.stop({
        type: 'broken',
        class: 'unreachable',
        message: `It was not sent: a connection took ${clock.now() - this.begunAt} ms, and it was given up meanwhile.`,
      });
      return;
    }
    this.hasLeft = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    if (!this.isOver) {
      this.watcher.onStart(status, headers);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.isOver && !this.watcher.onChunk(chunk)) {
      this.stop({ type: 'cut-short' });
    }
  }

  onResponseEnd(): void {
    this.finish({ type: 'complete' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.finish({
      type: 'broken',
      class: classOf(error),
      message: `The connection failed: ${reasonOf(error)}.`,
    });
  }

  private timerFor(giveUpAt: number): Timer {
    const { clock, lateAnswerMs } = this.limit;
    return clock.setTimer(Math.max(0, giveUpAt + lateAnswerMs - clock.now()), () => {
      this.onTimer();
    });
  }

  private onTimer(): void {
    const { clock, lateAnswerMs } = this.limit;
    const lastGiveUpAt = this.watcher.lastGiveUpAt();
    if (clock.now() < lastGiveUpAt + lateAnswerMs) {
      this.timer = this.timerFor(lastGiveUpAt);
      return;
    }
    this.stop({
      type: 'broken',
      class: 'timeout',
      message: `The answer was not complete after ${clock.now() - this.begunAt} ms.`,
    });
  }

  private finish(end: ExchangeEnd): void {
    if (this.isOver) {
      return;
    }
    this.isOver = true;
    this.timer.cancel();
    this.watcher.onEnd(end);
  }
}

/** Octets that are no HTTP, or a request that cannot be written as HTTP, tell nothing about who listens. */
function classOf(error: Error): BranchErrorClass {
  return error.name === 'HTTPParserError' || codeOf(error) === 'UND_ERR_INVALID_ARG'
    ? 'error'
    : 'unreachable';
}

function reasonOf(error: Error): string {
  const code = codeOf(error);
  const message = error.message === '' ? error.name : error.message;
  return code === '' || message.includes(code) ? message : `${message} (${code})`;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
