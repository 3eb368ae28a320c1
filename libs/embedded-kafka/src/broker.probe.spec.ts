import { afterEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { answers } from './broker.probe.js';

let server: Server;

afterEach(() => {
  server.close();
});

/** Starts something that is asked once, and returns its port. */
async function listen(onQuestion: (socket: Socket, question: Buffer) => void): Promise<number> {
  server = createServer((socket) => socket.once('data', (question) => onQuestion(socket, question)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** As a broker answers to request 0: which requests it understands, or the code of an error. */
function answer(errorCode: number): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeInt32BE(10, 0);
  bytes.writeInt16BE(errorCode, 8);
  return bytes;
}

test('a broker is asked which requests it understands, and its answer may come in pieces', async () => {
  let asked: Buffer | undefined;
  const port = await listen((socket, question) => {
    asked = question;
    socket.write(answer(0).subarray(0, 5), () => socket.write(answer(0).subarray(5)));
  });

  expect(await answers(port)).toBe(true);
  expect(asked?.toString('hex')).toBe('0000000a0012000000000000ffff');
});

test('whoever refuses, or hangs up, does not serve', async () => {
  const replies = [answer(35), ''];
  const port = await listen((socket) => socket.end(replies.shift() ?? ''));

  expect([await answers(port), await answers(port)]).toEqual([false, false]);
});

test('where nobody listens nobody answers', async () => {
  const port = await listen(() => undefined);
  server.close();
  await once(server, 'close');

  expect(await answers(port)).toBe(false);
});
