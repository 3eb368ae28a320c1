import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Pool } from 'pg';
import { Policies } from './policies.js';

/*
 * Without a barrier each of these is up to the service.
 */

let database: TestDatabase;
let pool: Pool;
let policies: Policies;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 }).on('error', () => undefined);
  policies = new Policies(pool);
  await policies.open();
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

function newDraft() {
  count += 1;
  const gid = `01936f3e-0000-7000-8000-${String(count).padStart(12, '0')}`;
  return { gid, branchId: '4', tripNo: count, premiumCents: 9 };
}

async function stateOf({ gid }: { readonly gid: string }): Promise<unknown> {
  const { rows } = await pool.query<{ state: string }>('select state from policy where gid = $1', [gid]);
  return rows.map(({ state }) => state);
}

test('a draft that comes twice is one policy, also when it is in force by then', async () => {
  const draft = newDraft();
  await policies.draft(draft);

  expect(await policies.draft(draft)).toBe(true);
  expect(await policies.end('confirm', draft)).toBe(true);
  expect(await policies.draft(draft)).toBe(true);
  expect(await stateOf(draft)).toEqual(['in force']);
});

test('a draft that comes after its cancellation is none', async () => {
  const draft = newDraft();
  await policies.end('cancel', draft);

  expect(await policies.draft(draft)).toBe(false);
  expect(await stateOf(draft)).toEqual(['cancelled']);
});

test.each([
  ['confirm', 'cancel', 'in force'],
  ['cancel', 'confirm', 'cancelled'],
] as const)(
  'what has come to its end by %s stays so, and a repeat is a yes',
  async (first, second, state) => {
    const draft = newDraft();
    await policies.draft(draft);
    await policies.end(first, draft);

    expect(await policies.end(first, draft)).toBe(true);
    expect(await policies.end(second, draft)).toBe(false);
    expect(await stateOf(draft)).toEqual([state]);
  },
);

test('nothing is put in force that was never drafted', async () => {
  expect(await policies.end('confirm', newDraft())).toBe(false);
});
