import type { ParticipantInstance } from '@atone/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { emptyTables, openStoreWorld, shiftTime } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

beforeEach(() => emptyTables(world.side));

afterAll(() => world.end());

function instance(given: Partial<ParticipantInstance> = {}): ParticipantInstance {
  return {
    instance: 'stock-1',
    baseUrl: 'http://stock-1:3000',
    kind: 'library',
    protocol: 1,
    actions: [
      { name: 'reserve', hasCompensation: true, inputSchema: { type: 'object', pattern: 'a\u0000b' } },
    ],
    ...given,
  };
}

test('an instance that enters itself is found again as it is', async () => {
  const { catalogue } = world.store;
  const full = instance({ instance: 'stock-2', lane: 'green', version: '1.2.3', kind: 'plain' });

  await catalogue.register('stock', instance());
  await catalogue.register('stock', full);

  const found = await catalogue.list();
  const times = { registeredAt: expect.any(Number), seenAt: expect.any(Number) };
  expect(found).toEqual([
    { service: 'stock', ...instance(), ...times },
    { service: 'stock', ...full, ...times },
  ]);
  expect(Math.abs((found[0]?.seenAt ?? 0) - Date.now())).toBeLessThan(60_000);
});

test('an instance may be reached over Kafka as well, or alone', async () => {
  const { catalogue } = world.store;
  const kafka = { topic: 'atone.commands.stock' };
  const alone = { ...instance({ instance: 'stock-2', kafka }), baseUrl: undefined };
  await catalogue.register('stock', instance({ kafka }));
  await catalogue.register('stock', alone);

  await catalogue.register('stock', instance());

  const found = await catalogue.list();
  expect(found).toMatchObject([{ baseUrl: 'http://stock-1:3000' }, { kafka }]);
  expect(found.map((one) => ['kafka' in one, 'baseUrl' in one])).toEqual([
    [false, true],
    [true, false],
  ]);
});

test('an instance that renews itself is seen now, and keeps the time of its registration', async () => {
  const { catalogue } = world.store;
  await catalogue.register('stock', instance({ version: '1' }));
  await shiftTime(world.side, 60_000);

  await catalogue.register('stock', instance({ version: '1', baseUrl: 'http://elsewhere:1' }));

  const [found] = await catalogue.list();
  expect(found?.baseUrl).toBe('http://elsewhere:1');
  expect((found?.seenAt ?? 0) - (found?.registeredAt ?? 0)).toBeGreaterThanOrEqual(60_000);
});

test.each([
  ['other actions', { actions: [] }],
  ['another version', { version: '2' }],
  ['no version any more', { version: undefined }],
  ['another kind', { kind: 'plain' as const }],
])('an instance that comes back with %s is registered anew', async (_what, change) => {
  const { catalogue } = world.store;
  await catalogue.register('stock', instance({ version: '1' }));
  await shiftTime(world.side, 60_000);

  await catalogue.register('stock', instance({ version: '1', ...change }));

  const [found] = await catalogue.list();
  expect(found?.registeredAt).toBe(found?.seenAt);
});

test('an instance that stops is taken out, and its neighbours stay', async () => {
  const { catalogue } = world.store;
  await catalogue.register('stock', instance());
  await catalogue.register('stock', instance({ instance: 'stock-2' }));
  await catalogue.register('bank', instance());

  await catalogue.deregister('stock', 'stock-1');

  const found = await catalogue.list();
  expect(found.map((entry) => `${entry.service}/${entry.instance}`)).toEqual([
    'bank/stock-1',
    'stock/stock-2',
  ]);
});
