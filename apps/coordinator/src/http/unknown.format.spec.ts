import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Counts, TransactionPage } from '@atone/protocol';
import type { StoredRow } from '@atone/engine';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';

const SINCE = 1_767_225_600_000;

describe('a transaction that a newer version of the coordinator has written', () => {
  let world: TestCoordinator;
  let known = '';
  let gid = '';

  beforeAll(async () => {
    world = await TestCoordinator.start({ script: () => undefined });
    known = (await world.submit(planOf('reserve'))).view.gid;
    // Another one, which nobody drives from memory.
    gid = known.replace(/.$/u, (last) => (last === '0' ? '1' : '0'));
    await plant({});
  });

  afterAll(async () => {
    await world.close();
  });

  test('is shown as far as its columns tell, with its format, and not as stuck', async () => {
    const { status, body } = await world.ask('GET', `/v1/transactions/${gid}?wait=10s`);

    expect(status).toBe(200);
    expect(body).toMatchObject({ gid, name: 'test-saga', state: 'running', format: 2, branches: [] });
    expect(body).not.toHaveProperty('stuck');
  });

  test('is in the list, with its format, beside what is understood', async () => {
    const { transactions } = (await world.ask('GET', '/v1/transactions')).body as TransactionPage;

    expect(new Map(transactions.map((each) => [each.gid, each.format]))).toEqual(
      new Map([
        [known, undefined],
        [gid, 2],
      ]),
    );
  });

  test('is counted apart from what is understood', async () => {
    const counts = (await world.ask('GET', '/v1/counts')).body as Counts;

    expect(counts).toMatchObject({ unknownFormat: 1, stuck: 0 });
  });

  test.each(['retry', 'abort', 'pause', 'branches/reserve/skip'])(
    'takes no act: %s says which format it has, and changes nothing',
    async (act) => {
      const before = await world.log.get(gid);

      const { status, body } = await world.ask('POST', `/v1/transactions/${gid}/${act}`, {
        body: { by: 'ann', reason: 'test' },
      });

      expect(status).toBe(409);
      expect(body).toMatchObject({
        code: 'ACT_NOT_POSSIBLE',
        detail: expect.stringContaining('its format is 2, and 1 is the last one known here'),
      });
      expect(await world.log.get(gid)).toEqual(before);
    },
  );

  test.each([
    ['refused', 'refused'],
    ['a-reason-of-tomorrow', 'code'],
  ])('is stuck where its columns say so, by %s', async (stuckReason, reason) => {
    await plant({ stuckReason, stuckAt: SINCE });

    const { body } = await world.ask('GET', `/v1/transactions/${gid}`);

    expect(body).toMatchObject({
      format: 2,
      stuck: { reason, since: '2026-01-01T00:00:00.000Z', waysOut: [] },
    });
  });

  async function plant(change: Partial<StoredRow>): Promise<void> {
    const row = await world.log.get(known);
    if (row === undefined) {
      throw new Error('There is no row.');
    }
    world.log.plant({ ...row, gid, owner: 'a newer one', format: 2, ...change });
  }
});
