import { setTimeout as delay } from 'node:timers/promises';
import { QuickstartError } from './quickstart.error.js';

const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;

/**
 * Sends `body` to `url` by PUT, again and again while the service does not take it: it may be on its way back.
 *
 * @throws QuickstartError when it has not for half a minute.
 */
export async function putPatiently(url: string, body: unknown): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      return await put(url, body);
    } catch (cause) {
      if (performance.now() > giveUpAt) {
        throw new QuickstartError(`PUT ${url} is not taken: ${String(cause)}`, { cause });
      }
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await delay(PAUSE_MS);
  }
}

async function put(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`it answered ${response.status} ${await response.text()}`);
  }
  await response.body?.cancel();
}
