import type { Random } from '@atone/core';

/** One HTTP request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long to wait for the whole answer. */
  readonly timeoutMs: number;
}

/** A complete HTTP answer. */
export interface HttpResponse {
  readonly status: number;
  readonly text: string;
  /** Returns the header `name`. */
  header(name: string): string | undefined;
}

/** No connection was made, or no broker has taken it: nothing of what was to be sent has left this process. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';
}

/** Time as it passes: `now` counts ms from anywhere and never jumps. */
export interface ElapsedClock {
  now(): number;
  /** Calls `callback` once after `delayMs`. One in the background keeps no process from ending. */
  setTimer(
    delayMs: number,
    callback: () => void,
    options?: { readonly isBackground: boolean },
  ): { cancel(): void };
}

/** What the client needs from the machine it runs on. */
export interface ClientPorts {
  /**
   * Sends a request. Rejects when no complete answer came, which tells nothing about what the other side did, unless it is with a
   * NotConnectedError: then it has done nothing.
   */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  readonly clock: ElapsedClock;
  readonly random: Random;
}

/** Resolves after `delayMs`. */
export function sleep(
  clock: ElapsedClock,
  delayMs: number,
  options?: { readonly isBackground: boolean },
): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve, options);
  });
}
