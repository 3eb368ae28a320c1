import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import express from 'express';
import fastify from 'fastify';
import { RefusedError } from '../contract.js';
import { refusalOf, refusalProblem } from './http.refusal.js';

const taken = new RefusedError('taken', { room: 7 });

let close: () => unknown = () => undefined;

afterEach(async () => {
  await close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  close = () => server.close();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a refusal', () => {
  test('is told of by a problem document, which has its details', () => {
    expect(refusalProblem(taken)).toEqual({
      type: 'urn:atone:problem:refused',
      title: 'Refused',
      status: 409,
      code: 'REFUSED',
      detail: 'taken',
      details: { room: 7 },
    });
    expect(Object.keys(refusalProblem(new RefusedError('taken')))).not.toContain('details');
  });

  test.each<[string, unknown]>([
    ['the body of an answer', refusalProblem(taken)],
    ['an answer of axios', { status: 409, data: refusalProblem(taken) }],
    ['an error of axios', { message: 'status 409', response: { status: 409, data: refusalProblem(taken) } }],
    ['itself', taken],
  ])('is read from %s', (_what, answer) => {
    expect(refusalOf(answer)).toMatchObject({ reason: 'taken', details: { room: 7 } });
  });

  const plain = {
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    detail: 'only 1 of a-1 is left',
    left: 1,
  };

  test.each<[string, unknown, { reason: string; details?: unknown }]>([
    ['with details beside the rest', plain, { reason: 'only 1 of a-1 is left', details: { left: 1 } }],
    [
      'as an error of axios',
      { message: 'status 409', response: { status: 409, data: plain } },
      { reason: 'only 1 of a-1 is left', details: { left: 1 } },
    ],
    ['with `details`', { status: 409, detail: 'full', details: [7] }, { reason: 'full', details: [7] }],
    ['with a title only', { status: 409, title: 'Sold out' }, { reason: 'Sold out', details: undefined }],
    [
      'without details',
      { type: 'about:blank', title: 'Conflict', status: 409, detail: 'full', instance: '/holds/7' },
      { reason: 'full', details: undefined },
    ],
  ])('is read from the problem document of a service without the library, %s', (_how, answer, expected) => {
    const { reason, details } = refusalOf(answer) ?? {};

    expect({ reason, details }).toEqual({ details: undefined, ...expected });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a problem of another status', { type: 'about:blank', status: 503, title: 'Later', detail: 'busy' }],
    ['a problem of another type', { ...plain, type: 'urn:atone:problem:already-decided' }],
    ['a problem that tells nothing', { type: 'about:blank', status: 409 }],
    ['no object', 'REFUSED'],
    ['another problem', { status: 409, code: 'ALREADY_DECIDED', detail: 'aborted' }],
    ['an error without an answer', new Error('fetch failed')],
    ['one that somebody else answers with', { statusCode: 409, message: 'Conflict' }],
  ])('is not read from %s', (_what, answer) => {
    expect(refusalOf(answer)).toBeUndefined();
  });

  test('keeps the error that told of it as its cause', async () => {
    const url = await listen(
      createServer((_request, response) => {
        response.writeHead(409, { 'content-type': 'application/json' });
        response.end(JSON.stringify(refusalProblem(taken)));
      }),
    );

    const error: unknown = await axios.get(url).catch((thrown: unknown) => thrown);

    expect(refusalOf(error)).toMatchObject({ reason: 'taken', cause: error });
  });

  test('is answered as 409 by Fastify, and read by its callers', async () => {
    const app = fastify();
    app.get('/', async () => {
      throw taken;
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    close = () => app.close();

    const response = await fetch(url);

    expect(response.status).toBe(409);
    expect(refusalOf(await response.json())?.reason).toBe('taken');
  });

  test('is answered as 409 by Express', async () => {
    const app = express();
    app.set('env', 'test');
    app.get('/', async () => {
      throw taken;
    });

    const response = await fetch(await listen(createServer(app)));

    expect(response.status).toBe(409);
  });
});

describe('instanceof RefusedError', () => {
  class NoRoomError extends RefusedError {}

  const copy = Object.assign(new Error('Refused: taken'), { name: 'RefusedError', code: 'REFUSED' });

  test.each<[string, unknown, boolean[]]>([
    ['one', taken, [true, false]],
    ['one of a derived class', new NoRoomError('full'), [true, true]],
    ['one of another copy of the library', copy, [true, false]],
    ['another error', new Error('Refused'), [false, false]],
    ['nothing', undefined, [false, false]],
  ])('holds for %s as it should', (_what, error, expected) => {
    expect([error instanceof RefusedError, error instanceof NoRoomError]).toEqual(expected);
  });
});
