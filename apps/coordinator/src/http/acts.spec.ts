import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { happyScript } from '@atone/engine/testing';
import type { Problem, TransactionView } from '@atone/protocol';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;

beforeEach(async () => {
  world = await TestCoordinator.start();
});

afterEach(async () => {
  await world.close();
});

const REASON = { reason: 'ticket 4711', by: 'ann' };

/** A transaction whose `charge` fails in a way that only people can mend. */
async function stuckAtCharge(): Promise<string> {
  world.transport.script = (command) =>
    command.branchId === 'charge' && command.op === 'action'
      ? { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } }
      : happyScript(command);
  const { view } = await world.submit(planOf('reserve', 'charge', 'ship'), { wait: '100ms' });
  expect(view.stuck).toMatchObject({ reason: 'code', branchId: 'charge' });
  return view.gid;
}

async function act(gid: string, name: string, body?: unknown) {
  return world.ask('POST', `/v1/transactions/${gid}/${name}`, { body });
}

async function ended(gid: string): Promise<TransactionView> {
  return (await world.ask('GET', `/v1/transactions/${gid}?wait=10s`)).body as TransactionView;
}

describe('an operator', () => {
  test('has a stuck transaction asked again, without giving a reason', async () => {
    const gid = await stuckAtCharge();
    world.transport.script = happyScript;

    const { status } = await act(gid, 'retry');

    expect(status).toBe(200);
    expect(await ended(gid)).toMatchObject({ outcome: 'committed' });
  });

  test('skips a branch and says why', async () => {
    const gid = await stuckAtCharge();

    const { status } = await act(gid, 'branches/charge/skip', REASON);

    expect(status).toBe(200);
    const view = await ended(gid);
    expect(view.outcome).toBe('committed');
    expect(view.branches[1]).toMatchObject({ state: 'skipped', skipped: REASON });
  });

  test('leaves a branch out by force, which is refused before its participant was asked to close it', async () => {
    const gid = await stuckAtCharge();

    const { status, body } = await act(gid, 'branches/charge/skip', { ...REASON, force: true });

    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      detail: expect.stringContaining("Branch 'charge' was not skipped before"),
    });
  });

  test('aborts what is undecided, and what was done is undone', async () => {
    const gid = await stuckAtCharge();

    const { status } = await act(gid, 'abort', REASON);

    expect(status).toBe(200);
    expect(await ended(gid)).toMatchObject({ outcome: 'aborted', abort: { code: 'operator' } });
  });

  test('pauses and resumes, and the history says who', async () => {
    const gid = await stuckAtCharge();

    const paused = await act(gid, 'pause', REASON);
    const resumed = await act(gid, 'resume', { reason: 'seen' });

    expect(paused.body).toMatchObject({ paused: REASON });
    const view = resumed.body as TransactionView;
    expect(view.paused).toBeUndefined();
    expect(view.history.filter(({ by }) => by !== undefined)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'operator-pause', by: 'ann' }),
        expect.objectContaining({ what: 'operator-resume', by: 'api' }),
      ]),
    );
  });

  test.each(['abort', 'pause', 'resume', 'branches/charge/skip'])(
    'must give a reason to %s',
    async (name) => {
      const gid = await stuckAtCharge();
      const before = (await world.log.get(gid))?.version;

      const { status, body } = await act(gid, name, { by: 'ann' });

      expect(status).toBe(400);
      expect((body as Problem).errors).toEqual([{ field: '/reason', message: 'is missing' }]);
      expect((await world.log.get(gid))?.version).toBe(before);
    },
  );

  test('is told why an act is not possible', async () => {
    const gid = await stuckAtCharge();

    const { status, body } = await act(gid, 'branches/chrage/skip', REASON);

    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'ACT_NOT_POSSIBLE',
      detail: expect.stringContaining("no branch 'chrage'"),
    });
  });

  test('cannot change what has ended', async () => {
    const { view } = await world.submit(planOf('reserve'), { wait: '10s' });

    const { status, body } = await act(view.gid, 'abort', REASON);

    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'ACT_NOT_POSSIBLE', gid: view.gid });
  });

  test('is told that there is no such transaction', async () => {
    const { status, body } = await act('01890a5d-ac96-774b-bcce-b302099a8057', 'abort', REASON);

    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('sees how many are stuck, and why', async () => {
    await stuckAtCharge();

    const { body } = await world.ask('GET', '/v1/counts');

    expect(body).toMatchObject({ byState: { running: 1 }, stuck: 1, stuckByReason: { code: 1 }, paused: 0 });
    expect((body as { oldestStuckSince: string }).oldestStuckSince).toMatch(/^\d{4}-/u);
  });
});
