import { beforeEach, expect, test } from '@jest/globals';
import { LedWorld } from '../testing/led.world.js';
import { callHttp, type HttpAnswer } from './http.call.js';

const BELOW = { branchId: '1~k7.1', service: 'rooms', action: 'book', kind: 'saga', nonce: 'nonce-of-1' };
const headers = { 'atone-enlisted': JSON.stringify({ below: [BELOW] }) };

let world: LedWorld;

beforeEach(() => {
  world = new LedWorld();
});

/** Returns the ids that a transaction commits whose only call is answered so. */
async function listAfter(answer: HttpAnswer): Promise<unknown> {
  const leading = world.globalTransactions().run({ name: 'trip' }, () => callHttp(async () => answer));
  await world.clock.run(leading);
  return world.coordinator.decision?.branches.map(({ branchId }) => branchId);
}

test.each<[string, HttpAnswer]>([
  ['fetch and axios', { status: 200, headers }],
  ['fetch, whose headers are read by a method', { status: 200, headers: new Headers(headers) }],
  ['undici and Node itself', { statusCode: 200, headers }],
])('an answer of %s is read', async (_client, answer) => {
  expect(await listAfter(answer)).toEqual(['1~k7.1']);
});

test.each<HttpAnswer>([
  { status: 409, headers },
  { statusCode: 409, headers },
])('an answer that is no success leaves nothing on the list: %j', async (answer) => {
  expect(await listAfter(answer)).toEqual([]);
});
