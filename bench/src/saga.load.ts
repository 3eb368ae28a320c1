import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { load } from './load.js';
import type { Rig } from './rig.js';
import { SagaClient } from './saga.client.js';
import type { TaskLoad } from './tasks.js';

/** A participant that does nothing, over HTTP. */
export const NO_OP_PARTICIPANT = new URL('./no-op.participant.js', import.meta.url);

/** Has this process submit sagas of two steps, to a participant that does nothing, and wait for their ends. */
export async function startSagas(rig: Rig): Promise<TaskLoad> {
  const participant = rig.fork('participant', NO_OP_PARTICIPANT);
  const [address] = (await once(participant, 'message')) as [AddressInfo];
  const client = new SagaClient(rig.url);
  await client.register({ baseUrl: `http://127.0.0.1:${address.port}` });
  return { bear: (shape) => load(() => client.run(), shape), stop: () => client.close() };
}
