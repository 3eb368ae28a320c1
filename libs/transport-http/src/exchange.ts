import type { BranchErrorClass } from '@atone/core';
import type { Clock, Timer } from '@atone/engine';
import type { Dispatcher, Pool } from 'undici';

export interface HttpRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** `cut-short`: the watcher had seen enough. `broken`: the network, the limit or the end of this process. */
export type ExchangeEnd =
  | { readonly type: 'complete' }
  | { readonly type: 'cut-short' }
  | { readonly type: 'broken'; readonly class: BranchErrorClass; readonly message: string };

/** What looks at an answer while it comes in. */
export interface ExchangeWatcher {
  onStart(status: number, headers: ResponseHeaders): void;
  /** Returns false to stop the answer here. */
  onChunk(chunk: Buffer): boolean;
  /** Called once, and nothing after it. */
  onEnd(end: ExchangeEnd): void;
}

/** One POST and its answer. Redirects are not followed. */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private isOver = false;
  private readonly timer: Timer;

  constructor(
    private readonly watcher: ExchangeWatcher,
    limit: { readonly clock: Clock; readonly timeoutMs: number },
  ) {
    this.timer = limit.clock.setTimer(limit.timeoutMs, () => {
      this.stop({
        type: 'broken',
        class: 'timeout',
        message: `The answer was not complete after ${limit.timeoutMs} ms.`,
      });
    });
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

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) {
      controller.abort(new Error('The exchange was stopped before it began.'));
    }
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
