import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { QuickstartError } from './quickstart.error.js';

const POLL_MS = 250;

/**
 * Resolves when nobody listens on `ports`; `patienceMs` is for those that are about to go.
 *
 * @throws QuickstartError naming the first port that is taken.
 */
export async function requireFreePorts(ports: readonly number[], patienceMs: number): Promise<void> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    // oxlint-disable no-await-in-loop -- a poll
    const taken = await firstTaken(ports);
    if (taken === undefined) {
      return;
    }
    if (Date.now() > giveUpAt) {
      throw new QuickstartError(
        `Port ${taken} is in use by another program: free it, or choose other ports with --port <first> (${ports.length} in a row are needed).`,
      );
    }
    await delay(POLL_MS);
    // oxlint-enable no-await-in-loop
  }
}

async function firstTaken(ports: readonly number[]): Promise<number | undefined> {
  const free = await Promise.all(ports.map(isFree));
  return ports.find((_port, position) => free[position] === false);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
