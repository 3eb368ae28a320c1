import { setTimeout as delay } from 'node:timers/promises';
import type { AtoneClient } from '@atone/participant';
import type { CoordinatorProgram, ServiceProgram } from './programs.js';
import { QuickstartError } from './quickstart.error.js';

export interface Expected {
  readonly coordinators: readonly CoordinatorProgram[];
  readonly services: readonly ServiceProgram[];
  readonly client: AtoneClient;
  readonly logFolder: string;
}

const POLL_MS = 100;
const PATIENCE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Resolves when the coordinators are ready, and know the services, and they are ready.
 *
 * @throws QuickstartError naming the one that is not, after two minutes.
 */
export async function awaitReady({ coordinators, services, client, logFolder }: Expected): Promise<void> {
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
  await Promise.all(
    coordinators.map(({ plan, url }) => waitFor(`The ${plan.name}`, () => answers(`${url}/health/ready`))),
  );
  await Promise.all(
    services.map(async ({ plan, service, healthUrl }) => {
      await waitFor(`The ${plan.name} service`, () => answers(healthUrl));
      await waitFor(`The ${plan.name} service`, () => isRegistered(client, service));
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
