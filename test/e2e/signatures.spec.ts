import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { placeOrder, placeOrderPatiently } from '../harness/contracts.js';
import { until } from '../harness/until.js';
import { World } from '../harness/world.js';

let world: World;

beforeAll(async () => {
  world = await World.start({
    keys: [{ keyId: 'k1', secret: 'known to both of them' }],
    environment: { ATONE_SIGNING_KEYS: 'k1:known to both of them' },
  });
}, 60_000);

afterEach(async () => {
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

describe('services that have a key', () => {
  test('carry out what a coordinator with the same key asks', async () => {
    const { gid, outcome } = await world.sagas.submit(placeOrder, {}, { wait: '15s' });

    expect(outcome).toBe('committed');
    expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel']);
  });

  test.each([
    ['another secret', 'k1:known to nobody else', 'the signature does not match the request'],
    ['a key that they do not know', 'k2:known to both of them', "the key id 'k2' is not known here"],
    ['no key', '', 'the signature is missing'],
  ])('do nothing for one with %s, and the transaction shows why', async (_what, keys, why) => {
    const stranger = await world.startCoordinator({ environment: { ATONE_SIGNING_KEYS: keys } });
    const { gid } = await stranger.client.submit(placeOrderPatiently, {});

    const refused = await until('the step has an error', async () => {
      const { branches } = await stranger.client.get(gid);
      return branches[0]?.lastError;
    });

    expect(refused).toMatchObject({ class: 'error' });
    expect(refused.message).toMatch(/^The participant answered 401: it does not accept the signature\./u);
    expect(refused.message).toContain(why);
    expect(await world.barriersOf(gid)).toEqual({});
    await world.coordinator.client.abort(gid, { reason: 'asked by a stranger' });
    expect(await world.ended(gid)).toMatchObject({ outcome: 'aborted' });
    expect(await world.effectsOf(gid)).toEqual([]);
  });
});
