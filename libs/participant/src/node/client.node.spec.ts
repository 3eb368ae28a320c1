import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { nodeClientPorts } from './client.node.js';

let server: Server;
let url: string;

beforeEach(async () => {
  server = createServer((_request, response) => response.end('here'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('a request is sent however much time is left for it, which need be no whole number of milliseconds', async () => {
  const response = await nodeClientPorts().send({ method: 'GET', url, headers: {}, timeoutMs: 4_999.25 });

  expect(response).toMatchObject({ status: 200, text: 'here' });
});
