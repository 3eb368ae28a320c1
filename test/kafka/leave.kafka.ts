import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CoordinatorProcess } from '../harness/coordinator.process.js';
import { until } from '../harness/until.js';
import { newName, testBrokers } from './kafka.client.js';
import { MuteMember } from './mute.member.js';

/** A broker on a busy machine takes its time. */
const PATIENCE_MS = 60_000;

let database: TestDatabase;
let mute: MuteMember;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  await mute.leave();
  await database.drop();
});

test('a coordinator that is stopped while its group waits for another member ends in order, and does not wait for it', async () => {
  const prefix = newName('leave');
  mute = await MuteMember.join(testBrokers(), {
    groupId: `${prefix}.coordinators`,
    topic: `${prefix}.replies`,
  });
  const coordinator = await CoordinatorProcess.start(database.url, {
    ATONE_KAFKA_BROKERS: testBrokers().join(','),
    ATONE_KAFKA_PREFIX: prefix,
  });
  await until('the group waits', async () => (await mute.groupState()) === 'PreparingRebalance', PATIENCE_MS);

  const exit = await coordinator.stop();

  expect(exit).toEqual({ code: 0, signal: null });
  expect(await mute.groupState()).toBe('PreparingRebalance');
});
