import { createHash } from 'node:crypto';
import { mintGid } from '@atone/core';
import type { DecisionRequest, Doubt } from '@atone/protocol';
import { beforeEach, expect, test } from '@jest/globals';
import { createTestingCoordinator, type TestingCoordinator } from './index.js';
import { LedWorld } from './testing/led.world.js';

/*
 * What the coordinator of a test answers to led transactions: as the one that runs in production does.
 */

const SECRET = 'a'.repeat(64);
const SECRET_HASH = createHash('sha256').update(SECRET).digest('hex');

let atone: TestingCoordinator;
let gid: string;
let start: Pick<DecisionRequest, 'name' | 'initiator' | 'epoch' | 'timeoutMs'>;

beforeEach(async () => {
  atone = createTestingCoordinator();
  new LedWorld(atone).open();
  const { logNumber, epoch, now } = await atone.client.logInfo();
  gid = mintGid(Date.parse(now), logNumber, { next: () => 0.5, bytes: (count) => new Uint8Array(count) });
  start = { name: 'book-trip', initiator: 'trips', epoch, timeoutMs: 30_000 };
});

function branch(branchId: string) {
  return {
    branchId,
    service: 'miles',
    action: 'spend',
    kind: 'saga',
    nonce: `nonce-of-${branchId}`,
  } as const;
}

function decision(change: Partial<DecisionRequest> = {}): DecisionRequest {
  return { ...start, to: 'commit', secret: SECRET, branches: [branch('1')], ...change };
}

function doubt(): Doubt {
  const { initiator, epoch } = start;
  return { ...branch('1'), gid, secretHash: SECRET_HASH, epoch, initiator, overdueMs: 1 };
}

test('a decision is confirmed when it is repeated, and by nobody else', async () => {
  const first = await atone.client.decide(gid, decision());
  const repeat = await atone.client.decide(gid, decision(), { wait: '1s' });

  expect([first.outcome, repeat.outcome]).toEqual(['committed', 'committed']);
  await expect(atone.client.decide(gid, decision({ secret: 'b'.repeat(64) }))).rejects.toMatchObject({
    code: 'WRONG_SECRET',
    status: 403,
  });
});

test('a decision that was made otherwise is told with its outcome', async () => {
  await atone.client.decide(gid, decision({ to: 'abort' }));

  await expect(atone.client.decide(gid, decision())).rejects.toMatchObject({
    code: 'ALREADY_DECIDED',
    outcome: 'aborted',
  });
});

test('a branch that is on both lists is refused', async () => {
  const both = decision({ thrown: [branch('1')] });

  await expect(atone.client.decide(gid, both)).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
});

test('a request that says nothing readable is told which field is wrong', async () => {
  const unreadable = atone.client.decide(gid, decision({ secret: 'too short' }));

  await expect(unreadable).rejects.toMatchObject({ code: 'BAD_REQUEST', errors: [{ field: '/secret' }] });
});

test('another life of the log decides nothing', async () => {
  const other = atone.client.decide(gid, decision({ epoch: start.epoch + 1 }));

  await expect(other).rejects.toMatchObject({ code: 'LOG_RESTORED' });
});

test('branches that are registered first are in the log, and undone after the deadline', async () => {
  const { initiator, name, epoch, timeoutMs } = start;
  const registration = { name, initiator, epoch, timeoutMs, secretHash: SECRET_HASH, remainingMs: 30_000 };

  const registered = await atone.client.registerBranches(gid, { ...registration, branches: [branch('1')] });
  await atone.quiet();

  expect(registered).toMatchObject({ state: 'active', branches: [{ branchId: '1' }] });
  expect(await atone.client.get(gid)).toMatchObject({ outcome: 'aborted' });
});

test('who is in doubt has the transaction aborted, unless its deadline was told', async () => {
  await atone.client.notices([{ ...start, gid, secretHash: SECRET_HASH }]);
  const early = await atone.client.ask([doubt()]);
  await atone.advance('31s');

  const late = await atone.client.ask([doubt()]);

  expect([early, late]).toMatchObject([[{ verdict: 'wait' }], [{ verdict: 'undo' }]]);
  expect((await atone.client.list()).transactions).toMatchObject([{ gid, outcome: 'aborted' }]);
});

test('what is only heard of can be asked for and listed, and ends as it is decided', async () => {
  await atone.client.notices([{ ...start, gid, secretHash: SECRET_HASH }]);
  const heard = await atone.client.get(gid);

  await atone.client.decide(gid, decision());

  expect(heard).toMatchObject({ isHearsay: true, state: 'active' });
  expect((await atone.client.list()).transactions).toMatchObject([{ gid, outcome: 'committed' }]);
});
