import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import type { LogRow } from './led.check.js';
import { dieAt, type DeathBed } from './led.run.js';
import { LedWorld } from './led.world.js';

const DEATHS: readonly DeathBed[] = [
  { victim: 'purse', failpoint: 'participant.action.beforeReply' },
  { victim: 'seats', failpoint: 'participant.confirm.beforeCommit' },
  { victim: 'coordinator', failpoint: 'engine.decide.afterWrite' },
  { victim: 'office', failpoint: 'led.decide.afterSend' },
];

let world: LedWorld;

beforeAll(async () => {
  world = await LedWorld.start();
}, 120_000);

afterAll(async () => {
  await world.stop();
});

test('S1 S9 an initiator that was frozen past its deadline loses its commit: its method throws, and nothing is taken', async () => {
  world.arm('office', 'led.decide.beforeSend', { what: 'freeze' });
  const booking = world.book();
  await until('those in doubt have been told', async () => (await statesOf(world)).includes('aborted'));

  world.thaw('office');

  expect(await booking).toMatchObject({
    outcome: 'aborted',
    error: expect.stringMatching(/TransactionAbortedError: .* decided before its commit came/u),
  });
  expect(await world.violations()).toEqual([]);
}, 120_000);

test('S4 S8 L1 led transactions survive the deaths of a participant, of the coordinator and of the initiator', async () => {
  for (const death of DEATHS) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, or nobody would know who died of what
    await dieAt(world, death);
  }

  expect(await world.violations()).toEqual([]);
  expect(DEATHS.map(({ victim }) => world.startCount(victim))).toEqual([2, 2, 2, 2]);
}, 120_000);

async function statesOf(led: LedWorld): Promise<readonly string[]> {
  const rows = await led.query<LogRow>('atone', 'select state from atone.global_transaction');
  return rows.map(({ state }) => state);
}
