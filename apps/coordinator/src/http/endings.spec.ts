import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mintGid } from '@atone/core';
import { SeededRandom } from '@atone/engine/testing';
import { ENDING_COUNT_MAX, endingsSchema, type Endings, type Problem } from '@atone/protocol';
import { planOf, TestCoordinator, type Asked } from '../testing/test.coordinator.js';

const random = new SeededRandom(1);

let world: TestCoordinator;

beforeEach(async () => {
  world = await TestCoordinator.start();
});

afterEach(async () => {
  await world.close();
});

async function ask(gids: readonly string[]): Promise<Asked> {
  return world.ask('POST', '/v1/transactions/endings', { body: { gids } });
}

describe('a question for endings', () => {
  test('tells what has ended from what is live, and leaves out what the log does not hold', async () => {
    const ended = (await world.submit(planOf('reserve'), { wait: '10s' })).view.gid;
    world.transport.script = () => undefined;
    const live = (await world.submit(planOf('reserve'))).view.gid;
    const unknown = mintGid(Date.now(), 0, random);

    const { status, body } = await ask([unknown, live, ended]);

    expect(status).toBe(200);
    expect(endingsSchema.safeParse(body).error).toBeUndefined();
    expect((body as Endings).transactions.toSorted((left) => (left.isLive ? -1 : 1))).toEqual([
      { gid: live, isLive: true },
      { gid: ended, isLive: false, endedForMs: expect.any(Number) },
    ]);
  });

  test('says nothing of the gids of another log, even if the log should hold them', async () => {
    const { gid } = (await world.submit(planOf('reserve'), { wait: '10s' })).view;
    const row = await world.log.get(gid);
    const foreign = mintGid(Date.now(), 7, random);
    world.log.plant({ ...row, gid: foreign } as NonNullable<typeof row>);

    expect((await ask([foreign])).body).toEqual({ transactions: [] });
    expect((await ask([gid, foreign])).body).toMatchObject({ transactions: [{ gid }] });
  });

  test('is told of what nobody drives here from the log, not from memory', async () => {
    world.transport.script = () => undefined;
    const { gid } = (await world.submit(planOf('reserve'))).view;
    const row = await world.log.get(gid);
    world.log.plant({ ...row, finishedAt: Date.now(), state: 'committed' } as NonNullable<typeof row>);

    expect((await ask([gid])).body).toMatchObject({ transactions: [{ gid, isLive: false }] });
  });

  test.each([
    ['no gid', []],
    ['more than the limit', Array.from({ length: ENDING_COUNT_MAX + 1 }, () => mintGid(1, 0, random))],
    ['what is no gid', ['order:17']],
  ])('with %s is refused, naming the field', async (_title, gids) => {
    const { status, body } = await ask(gids);

    expect(status).toBe(400);
    expect((body as Problem).errors?.[0]?.field).toMatch(/^\/gids/u);
  });
});
