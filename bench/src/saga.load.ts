import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Pool } from 'undici';
import { load } from './load.js';
import type { TaskLoad } from './tasks.js';
import type { Rig } from './rig.js';

const SAGA = JSON.stringify({
  name: 'bench',
  steps: [
    { name: 'first', service: 'bench', action: 'work', input: { amount: 1 } },
    { name: 'second', service: 'bench', action: 'work', input: { amount: 2 } },
  ],
});

/** Has this process submit sagas of two steps, to a participant that does nothing, and wait for their ends. */
export async function startSagas(rig: Rig): Promise<TaskLoad> {
  const participant = rig.fork('participant', new URL('./no-op.participant.js', import.meta.url));
  const [address] = (await once(participant, 'message')) as [AddressInfo];
  const http = new Pool(rig.url, { connections: 1_024, pipelining: 1 });
  await register(http, `http://127.0.0.1:${address.port}`);
  return { bear: (shape) => load(() => saga(http), shape), stop: () => http.close() };
}

async function saga(http: Pool): Promise<void> {
  const response = await http.request({
    method: 'POST',
    path: '/v1/transactions?wait=30s',
    headers: { 'content-type': 'application/json' },
    body: SAGA,
  });
  const answer = await response.body.text();
  if (response.statusCode !== 200) {
    throw new Error(`The coordinator answered ${response.statusCode}: ${answer.slice(0, 500)}`);
  }
}

async function register(http: Pool, baseUrl: string): Promise<void> {
  const instance = {
    instance: 'bench-1',
    baseUrl,
    kind: 'library',
    protocol: 1,
    actions: [{ name: 'work', hasCompensation: true }],
  };
  const { statusCode, body } = await http.request({
    method: 'PUT',
    path: '/v1/participants/bench/instances/bench-1',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(instance),
  });
  const text = await body.text();
  if (statusCode >= 300) {
    throw new Error(`The participant could not register: ${text}`);
  }
}
