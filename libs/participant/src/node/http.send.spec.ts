import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NotConnectedError, type HttpRequest, type HttpResponse } from '../client.ports.js';
import { sendByNode } from './http.send.js';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Says nothing. */
const silent: Listener = () => undefined;

let server: Server;
let url: string;
let listener: Listener;
let connectionCount: number;

beforeEach(async () => {
  connectionCount = 0;
  listener = silent;
  server = createServer((request, response) => listener(request, response));
  server.on('connection', () => {
    connectionCount += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/path`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function send(request: Partial<HttpRequest> = {}): Promise<HttpResponse> {
  return sendByNode({ method: 'GET', url, headers: {}, timeoutMs: 30_000, ...request });
}

/** Answers with what it was asked. */
const echo: Listener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, headers } = request;
    response.end(JSON.stringify({ method, headers, body: Buffer.concat(chunks).toString() }));
  });
};

describe('a request by the client of Node', () => {
  test('carries method, headers and the whole body, whatever letters it holds', async () => {
    listener = echo;

    const { text } = await send({
      method: 'PUT',
      headers: { authorization: 'Bearer t' },
      body: 'Größe 日本',
    });

    expect(JSON.parse(text)).toMatchObject({
      method: 'PUT',
      headers: { authorization: 'Bearer t', 'content-length': '14' },
      body: 'Größe 日本',
    });
  });

  test('brings status, headers and the whole text, also where a letter is cut in two', async () => {
    const letter = Buffer.from('日');
    listener = (_request, response) => {
      response.writeHead(409, { 'Retry-After': '3' });
      response.write(letter.subarray(0, 1));
      setImmediate(() => response.end(letter.subarray(1)));
    };

    const response = await send();

    expect(response).toMatchObject({ status: 409, text: '日' });
    expect([response.header('retry-after'), response.header('Retry-After'), response.header('etag')]).toEqual(
      ['3', '3', undefined],
    );
  });

  test('takes the connection of the one before', async () => {
    listener = echo;

    await send();
    await send({ method: 'POST', body: '{}' });

    expect(connectionCount).toBe(1);
  });

  test('waits for nobody else', async () => {
    listener = (request, response) => {
      if (request.url !== '/held') {
        response.end('here');
      }
    };
    const held = Array.from({ length: 300 }, () => send({ url: new URL('/held', url).href }));

    const { text } = await send();

    expect(text).toBe('here');
    server.closeAllConnections();
    expect((await Promise.allSettled(held)).map(({ status }) => status)).toEqual(held.map(() => 'rejected'));
  });

  test('follows no redirect: it could carry a token to another host', async () => {
    listener = (_request, response) => {
      response.writeHead(307, { location: url }).end();
    };

    expect((await send()).status).toBe(307);
  });

  test('knows nothing of what was done to the global fetch', async () => {
    listener = echo;
    const { fetch } = globalThis;
    globalThis.fetch = () => Promise.reject(new Error('caught'));

    const { status } = await send().finally(() => {
      globalThis.fetch = fetch;
    });

    expect(status).toBe(200);
  });

  test.each([
    ['nothing', silent],
    ['half of its answer', (_request: IncomingMessage, response: ServerResponse) => void response.write('{')],
  ])('rejects when its time is over and there is %s', async (_what, answer) => {
    listener = answer;

    await expect(send({ timeoutMs: 20.5 })).rejects.toThrow('no answer within 21 ms');
  });

  test('rejects when the answer breaks off', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half');
      setImmediate(() => response.destroy());
    };

    const error: unknown = await send().catch((thrown: unknown) => thrown);

    expect(String(error)).toContain('aborted');
    expect(error).not.toBeInstanceOf(NotConnectedError);
  });

  test('rejects when nobody is there, and says so', async () => {
    await new Promise((resolve) => {
      server.close(resolve);
    });

    const error: unknown = await send().catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(NotConnectedError);
    expect(String(error)).toContain('ECONNREFUSED');
  });

  test('rejects what cannot be sent at all', async () => {
    await expect(send({ headers: { authorization: 'two\nlines' } })).rejects.toThrow('authorization');
  });
});
