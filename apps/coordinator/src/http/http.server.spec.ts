import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;
let server: Server;

beforeEach(async () => {
  world = await TestCoordinator.start();
  server = world.coordinator.app.getHttpServer();
});

afterEach(async () => {
  await world.close();
});

describe('a request that arrives too slowly', () => {
  test('is given up, its headers before its body', () => {
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 30_000]);
  });

  test('is answered with what was wrong, and its connection ends', async () => {
    const client = connect(Number(new URL(world.coordinator.url).port), '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];

    // As Node does when it finds that one of the two is over.
    server.emit(
      'clientError',
      Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
      socket,
    );

    const answer = await text(client);
    expect(answer).toContain('HTTP/1.1 400');
    expect(answer).toContain(
      '"detail":"The request did not arrive within 30 s, or its headers within 10 s."',
    );
  });
});
