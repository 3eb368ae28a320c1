import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newRow } from './testing/row.factory.js';
import { openStoreWorld } from './testing/store.world.js';
import type { StoreWorld } from './testing/store.world.js';

let world: StoreWorld;

beforeAll(async () => {
  world = await openStoreWorld();
});

afterAll(() => world.end());

test.each([
  ['a live row without a due time', 'due_at = null', 'live_row_has_due_at'],
  ['a live row with an end', 'finished_at = now()', 'finished_state_has_finished_at'],
  ['a finished row without an end', `state = 'committed', due_at = null`, 'finished_state_has_finished_at'],
  ['a finished row with a due time', `state = 'aborted', finished_at = now()`, 'live_row_has_due_at'],
  ['a version below 1', 'version = 0', 'version_is_positive'],
  ['a format below 1', 'format = 0', 'format_is_positive'],
  ['a state that nobody knows', `state = 'lost'`, 'state_is_known'],
  ['a row without a name', `name = ''`, 'name_is_given'],
  ['a stuck row without a reason', 'stuck_at = now()', 'stuck_row_has_reason'],
  ['a reason to be stuck without a time', `stuck_reason = 'mixed'`, 'stuck_row_has_reason'],
])('the log cannot hold %s', async (_what, change, constraint) => {
  const { store, side } = world;
  const { gid } = newRow();
  await store.log.accept([newRow({ gid })]);

  const changing = side.query(`update atone.global_transaction set ${change} where gid = $1`, [gid]);

  await expect(changing).rejects.toMatchObject({ code: '23514', constraint });
});

test.each([
  ['of another version', (gid: string) => `${gid.slice(0, 14)}4${gid.slice(15)}`],
  ['of another variant', (gid: string) => `${gid.slice(0, 19)}c${gid.slice(20)}`],
])('the log cannot hold a gid that is a UUID %s', async (_what, spoil) => {
  const row = newRow();

  const accepting = world.store.log.accept([{ ...row, gid: spoil(row.gid) }]);

  await expect(accepting).rejects.toMatchObject({
    code: 'LOG_STATEMENT_FAILED',
    sqlState: '23514',
    constraint: 'gid_is_uuid_v7',
  });
});

test('the log cannot hold the empty gid', async () => {
  const accepting = world.store.log.accept([newRow({ gid: '00000000-0000-0000-0000-000000000000' })]);

  await expect(accepting).rejects.toMatchObject({ code: 'LOG_DAY_OUT_OF_RANGE' });
});

test('the log cannot hold a gid twice', async () => {
  const row = newRow();
  await world.store.log.accept([row]);

  await expect(world.store.log.accept([newRow(), row])).rejects.toMatchObject({ sqlState: '23505' });
});

test('the log cannot hold an idempotency key that is empty', async () => {
  const accepting = world.store.log.accept([newRow({ idempotency: { key: '', bodyHash: 'hash' } })]);

  await expect(accepting).rejects.toMatchObject({ constraint: 'key_is_given' });
});
