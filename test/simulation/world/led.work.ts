import { callHttp, createServiceClient } from '@atone/participant';
import type { LedPart } from '../check/led.story.js';
import type { LedCall, LedStep, LedWork } from '../plan/led.draw.js';
import { ledContract } from './led.contract.js';
import type { LedKit } from './led.kit.js';

/** Makes the calls of some code, and notes which of them returned to it. @throws what they throw, unless it is caught. */
export async function perform(kit: LedKit, work: LedWork, part: LedPart): Promise<void> {
  for (const step of work) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the steps come one after the other
      await performScoped(kit, step, part);
    } catch (error) {
      if (!step.isCaught) {
        throw error;
      }
    }
  }
}

async function performScoped(kit: LedKit, step: LedStep, part: LedPart): Promise<void> {
  const { scope } = step;
  switch (scope) {
    case undefined:
      return makeCalls(kit, step, part);
    case 'REQUIRED':
      return kit.transactions.run({ name: 'joined', propagation: scope }, () => makeCalls(kit, step, part));
    case 'NESTED':
      return performNested(kit, step, part);
    case 'REQUIRES_NEW':
      return kit.lead({
        name: `${part.id}.new`,
        options: { propagation: scope },
        work: (own) => makeCalls(kit, step, own),
      });
  }
}

async function performNested(kit: LedKit, step: LedStep, part: LedPart): Promise<void> {
  const { story } = kit;
  const nested = story.nest(part);
  nested.state = 'threw';
  await kit.transactions.run({ name: 'nested', propagation: 'NESTED' }, () => makeCalls(kit, step, nested));
  nested.state = 'returned';
}

async function makeCalls(kit: LedKit, { calls, isPatient }: LedStep, part: LedPart): Promise<void> {
  const underWay = calls.map((call) => makeCall(kit, call, part));
  if (isPatient) {
    await Promise.allSettled(underWay);
  }
  await Promise.all(underWay);
}

async function makeCall(kit: LedKit, call: LedCall, part: LedPart): Promise<void> {
  const { name, service, action, timeoutMs, below } = call;
  const url = kit.plainUrlOf(service, name);
  if (url !== undefined) {
    kit.story.returned(part, await callByHand(kit, call, url));
    return;
  }
  const client = createServiceClient(ledContract(service), kit);
  const options = timeoutMs === undefined ? undefined : { timeout: timeoutMs };
  const { effect } = await client[action]({ branch: name, below: [...below] }, options);
  kit.story.returned(part, effect);
}

/** Calls a service without the library as any HTTP client would. Returns its effect. @throws unless it says yes. */
async function callByHand(kit: LedKit, { name, action, timeoutMs }: LedCall, url: string): Promise<string> {
  let attempt = 0;
  const { status, text } = await callHttp(
    async (headers) => {
      attempt += 1;
      const response = await kit.send({
        method: 'POST',
        url: `${url}/${action}`,
        headers,
        body: JSON.stringify({ branch: name, attempt }),
        timeoutMs: Math.min(1_500, kit.patienceMs),
      });
      return { ...response, headers: { get: (header: string) => response.header(header) } };
    },
    { label: name, timeout: timeoutMs, repeatFor: kit.patienceMs },
  );
  if (status !== 200) {
    throw new Error(`${name} was answered with ${status}.`);
  }
  return (JSON.parse(text) as { effect: string }).effect;
}
