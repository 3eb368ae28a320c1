import { setTimeout as delay } from 'node:timers/promises';
import type { AtoneClient } from '@atone/participant';
import { QuickstartError } from './quickstart.error.js';

export interface Expected {
  readonly coordinatorUrl: string;
  readonly client: AtoneClient;
  /** By the name of the service, where it answers 200 when it is ready. */
  readonly healthUrls: Readonly<Record<string, string>>;
  readonly logFolder: string;
}

const POLL_MS = 100;
const PATIENCE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Resolves when the coordinator is ready, and knows the services, and they are ready.
 *
 * @throws QuickstartError naming the one that is not, after two minutes.
 */
export async function awaitReady({ coordinatorUrl, client, healthUrls, logFolder }: Expected): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const waitFor = async (name: string, isReady: () => Promise<boolean>) => {
    // oxlint-disable no-await-in-loop -- a poll
    while (!(await isReady().catch(() => false))) {
      if (Date.now() > giveUpAt) {
        throw new QuickstartError(
          `${name} did not get ready within two minutes; its words are in ${logFolder}.`,
        );
      }
      await delay(POLL_MS);
    }
    // oxlint-enable no-await-in-loop
  };
  await waitFor('The coordinator', () => answers(`${coordinatorUrl}/health/ready`));
  await Promise.all(
    Object.entries(healthUrls).map(async ([name, url]) => {
      await waitFor(`The ${name} service`, () => answers(url));
      await waitFor(`The ${name} service`, () => isRegistered(client, name));
    }),
  );
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  await response.body?.cancel();
  return response.ok;
}

async function isRegistered(client: AtoneClient, name: string): Promise<boolean> {
  const instances = await client.participants();
  return instances.some(({ service }) => service === name);
}
