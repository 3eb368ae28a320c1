import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Below the ports that Linux gives to outgoing connections, one of which could take a port while its owner is dead. Programs that
 * draw at the same time may be given a range each: what one has drawn, and nobody listens at yet, another one could draw, too.
 */
const [FIRST = 0, LAST = 0] = (process.env['ATONE_TEST_PORTS'] ?? '20000-29999').split('-').map(Number);

/** Returns `count` different ports that nobody listens at. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    // oxlint-disable-next-line no-await-in-loop -- all are held until the last is found, so that none is given twice
    const server = held.has(port) ? undefined : await listenAt(port);
    if (server !== undefined) {
      held.set(port, server);
    }
  }
  await Promise.all([...held.values()].map(async (server) => once(server.close(), 'close')));
  return [...held.keys()];
}

/** Tells whether nobody listens at this port. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listenAt(port);
  if (server === undefined) {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

async function listenAt(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
