import { createAtoneClient } from '@atone/participant';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { placeOrder } from '../harness/contracts.js';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { until } from '../harness/until.js';
import { World } from '../harness/world.js';

let world: World;
let driver: CoordinatorProcess | undefined;

beforeAll(async () => {
  world = await World.start();
}, 60_000);

afterEach(async () => {
  await driver?.kill();
  await world.settle();
});

afterAll(async () => {
  await world.close();
});

test('S9 an operator aborts, after a failover of the log, what a suspended coordinator drives; the yes that this one then finds changes nothing', async () => {
  driver = await CoordinatorProcess.start(world.logUrl);
  const client = createAtoneClient({ url: driver.url, patience: 0 });
  const parcel = world.script.hold('shipping.book');
  const { gid } = await client.submit(placeOrder, {});
  await parcel.entered.passage;
  driver.pause();
  // The answer that would commit it lies in a connection of the driver that does not run.
  parcel.exit.open();
  await until('the parcel is booked', async () => (await world.effectsOf(gid)).includes('parcel'));
  await failOver();

  await world.coordinator.client.abort(gid, { by: 'ann', reason: 'wrong customer' });

  const aborted = await world.ended(gid);
  const undone = ['parcel undone', 'charge undone', 'stock undone'];
  expect(aborted).toMatchObject({
    outcome: 'aborted',
    abort: { code: 'operator', message: 'wrong customer' },
  });
  expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel', ...undone]);
  driver.resume();
  await until('the driver has read its yes', async () => (await replyCount(driver?.url)) >= 3);
  await until('the driver shows the end', async () => (await client.get(gid)).state === 'aborted');
  expect(await world.coordinator.client.get(gid)).toEqual(aborted);
  expect(await world.effectsOf(gid)).toEqual(['stock', 'charge', 'parcel', ...undone]);
  // It is as good as any other for what comes next.
  const next = await client.submit(placeOrder, {}, { wait: '15s' });
  expect(next.outcome).toBe('committed');
}, 60_000);

/** Has the log go on in another database, to which all was copied. */
async function failOver(): Promise<void> {
  const before = await world.coordinator.client.logInfo();
  await world.queryLog(`update atone.log_life set identity = 'of another cluster'`);
  await until('the log is in another life', async () => {
    const { epoch } = await world.coordinator.client.logInfo();
    return epoch > before.epoch;
  });
}

/** Returns how many times a coordinator has heard what became of an action, or that it took too long. */
async function replyCount(url = ''): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^atone_replies_total\{transport="http",op="action",.*\} (\d+)$/gmu);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
