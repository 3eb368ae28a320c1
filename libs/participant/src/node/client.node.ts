import { randomBytes } from 'node:crypto';
import type { Random } from '@atone/core';
import type { ClientPorts, ElapsedClock, HttpRequest, HttpResponse } from '../client.ports.js';
import { createClient, type AtoneClient, type ClientOptions } from '../client.js';
import { sendByNode } from './http.send.js';

/** How to reach the coordinator, and by what. */
export interface NodeClientOptions extends ClientOptions {
  /** Sends the requests. Default: Node's own HTTP client, so that what is done to the global `fetch` does not concern them. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * Returns a client of the coordinator at `options.url`. It needs no closing: its connections keep no process from ending.
 *
 * @throws MisuseError when the url is no http(s) url.
 */
export function createAtoneClient(options: NodeClientOptions): AtoneClient {
  return createClient(options, nodeClientPorts(options.fetch));
}

/** Returns the real network, by Node's own HTTP client or a given `fetch`, and the real clock and dice. */
export function nodeClientPorts(fetchWith?: typeof fetch): ClientPorts {
  const send: ClientPorts['send'] =
    fetchWith === undefined ? sendByNode : (request) => sendByFetch(request, fetchWith);
  return { send, clock: elapsedClock, random: cryptoRandom };
}

/** Time as this process feels it. */
export const elapsedClock: ElapsedClock = {
  now: () => performance.now(),
  setTimer(delayMs, callback, { isBackground } = { isBackground: false }) {
    const timer = setTimeout(callback, delayMs);
    if (isBackground) {
      timer.unref();
    }
    return { cancel: () => clearTimeout(timer) };
  },
};

const cryptoRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => randomBytes(count),
};

async function sendByFetch(request: HttpRequest, fetchWith: typeof fetch): Promise<HttpResponse> {
  const response = await fetchWith(request.url, {
    method: request.method,
    headers: request.headers,
    ...(request.body === undefined ? {} : { body: request.body }),
    // A redirect could carry the token to another host.
    redirect: 'manual',
    // It takes whole milliseconds only, and what is left of a deadline is none.
    signal: AbortSignal.timeout(Math.ceil(request.timeoutMs)),
  });
  const text = await response.text();
  return { status: response.status, text, header: (name) => response.headers.get(name) ?? undefined };
}
