import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Problem } from '@atone/protocol';
import { TestCoordinator } from '../testing/test.coordinator.js';

let world: TestCoordinator;

beforeAll(async () => {
  world = await TestCoordinator.start();
});

afterAll(async () => {
  await world.close();
});

const GID = '01890a5d-ac96-7000-bcce-b302099a8057';
const GID_OF_LOG_7 = '01890a5d-ac96-7007-bcce-b302099a8057';
const LOG_7 = 'It belongs to log 7, and this is log 0: ask a coordinator of that one.';

test.each([
  {
    what: 'an act without a body',
    method: 'POST',
    path: `/${GID}/abort`,
    told: [400, 'The body is missing.'],
  },
  {
    what: 'a slash at the end of a path',
    method: 'GET',
    path: '/',
    told: [404, 'There is nothing at /v1/transactions/. Leave out the slash at its end.'],
  },
  {
    what: 'a day where an instant belongs',
    method: 'GET',
    path: '?acceptedFrom=2026-01-31',
    told: [400, 'acceptedFrom must be an instant such as 2026-01-31T12:00:00Z.'],
  },
  {
    what: 'a gid of another log',
    method: 'GET',
    path: `/${GID_OF_LOG_7}`,
    told: [404, `There is no global transaction ${GID_OF_LOG_7} in this log. ${LOG_7}`],
  },
] as const)('$what is told what is wrong with it', async ({ method, path, told }) => {
  const { status, body } = await world.ask(method, `/v1/transactions${path}`);

  expect([status, (body as Problem).detail]).toEqual(told);
});

test('an act about a gid of another log says which log decides it', async () => {
  const body = { reason: 'nobody pays' };

  const answer = await world.ask('POST', `/v1/transactions/${GID_OF_LOG_7}/abort`, { body });

  expect(answer.status).toBe(404);
  expect((answer.body as Problem).detail).toContain(LOG_7);
});
