import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A broker in this process, on the loopback. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Takes the bytes of one connection: returns how many of them it has used, none if it needs more. */
export type Reader = (bytes: Buffer) => number;

/** Starts a broker that reads each of its connections by what `connected` returns for it. */
export async function startBroker(
  connected: (socket: Socket) => { readonly read: Reader; readonly closed: () => void },
): Promise<Broker> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const { read, closed } = connected(socket);
    let bytes: Buffer = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      closed();
    });
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let used = read(bytes); used > 0; used = read(bytes)) {
        bytes = bytes.subarray(used);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}

/** Returns the end of the line that `bytes` begin with, or undefined if it is not whole. */
export function lineOf(bytes: Buffer, from = 0): { readonly text: string; readonly end: number } | undefined {
  const end = bytes.indexOf('\r\n', from);
  return end < 0 ? undefined : { text: bytes.toString('utf8', from, end), end: end + 2 };
}
