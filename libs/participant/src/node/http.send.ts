import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { NotConnectedError, type HttpRequest, type HttpResponse } from '../client.ports.js';

/** An idle connection is closed before common servers close it: a request that crosses such an end has an unknown outcome. */
const IDLE_MS = 4_000;
const CONNECTIONS = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 1_024 };
/** The longest that a timer of Node takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const HTTP = { request: requestHttp, agent: new HttpAgent(CONNECTIONS) };
const HTTPS = { request: requestHttps, agent: new HttpsAgent(CONNECTIONS) };

/**
 * Sends a request by Node's own client, over connections that all of this process share and that keep no process from ending.
 *
 * It follows no redirect, which could carry a token to another host; and it is no `fetch`, so that what is done to the global
 * one does not concern it. Rejects when no complete answer came in time, by a NotConnectedError where no connection was made.
 */
export function sendByNode({ method, url, headers, body, timeoutMs }: HttpRequest): Promise<HttpResponse> {
  const { request, agent } = /^https:/iu.test(url) ? HTTPS : HTTP;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const exchange = request(url, { method, agent, headers: { ...headers, ...length } });
    const timer = setTimeout(
      () => exchange.destroy(new Error(`no answer within ${Math.ceil(timeoutMs)} ms`)),
      Math.min(timeoutMs, TIMER_MS_MAX),
    );
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(isUnconnected(error) ? new NotConnectedError(messageOf(error), { cause: error }) : error);
    };
    exchange.on('error', fail).on('response', (response) => {
      collect(response, fail, (text) => {
        clearTimeout(timer);
        resolve(answerOf(response, text));
      });
    });
    exchange.end(body);
  });
}

/** Whether the system has said that there is nobody to connect to. By a connection that was there before, this cannot come. */
function isUnconnected(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND';
}

/** Where a name has several addresses, the error has no message of its own. */
function messageOf({ message, code = '' }: NodeJS.ErrnoException): string {
  return message === '' ? code : message;
}

function collect(
  response: IncomingMessage,
  fail: (error: Error) => void,
  done: (text: string) => void,
): void {
  let text = '';
  response
    .setEncoding('utf8')
    .on('data', (chunk: string) => {
      text += chunk;
    })
    .on('end', () => done(text))
    .on('error', fail);
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): HttpResponse {
  return {
    status: statusCode,
    text,
    header(name) {
      const value = headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
