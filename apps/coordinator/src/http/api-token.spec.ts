import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestCoordinator } from '../testing/test.coordinator.js';
import { OPEN_PATHS } from './api-token.js';
import { RouteTable } from './route.table.js';

const TOKEN = 'correct-horse-battery';
const GID = '01890a5d-ac96-774b-bcce-b302099a8057';

let world: TestCoordinator;

beforeAll(async () => {
  world = await TestCoordinator.start({ environment: { ATONE_API_TOKEN: TOKEN } });
});

afterAll(async () => {
  await world.close();
});

/** The routes as the server has them, each with something in place of its parameters. */
function routes(): readonly { method: 'GET'; path: string; url: string }[] {
  return world.coordinator.app.get(RouteTable).routes.map(({ method, path }) => ({
    method: method as 'GET',
    path,
    url: path.replace(':gid', GID).replaceAll(/:\w+/gu, 'some'),
  }));
}

describe('with a token configured', () => {
  test('there are routes to guard', () => {
    expect(routes().length).toBeGreaterThan(15);
  });

  test('every route but the health checks is closed', async () => {
    for (const { method, path, url } of routes()) {
      // oxlint-disable-next-line no-await-in-loop -- the message of a failure names the route.
      const { status } = await world.ask(method, url);

      expect({ method, path, isClosed: status === 401 }).toEqual({
        method,
        path,
        isClosed: !OPEN_PATHS.has(path),
      });
    }
  });

  test.each([
    ['none', {}],
    ['another one', { authorization: 'Bearer correct-horse-batterz' }],
    ['a shorter one', { authorization: 'Bearer correct' }],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
    ['the bare token', { authorization: TOKEN }],
  ])('%s is refused with a problem document', async (_title, headers) => {
    const { status, headers: answered, body } = await world.ask('GET', '/v1/transactions', { headers });

    expect(status).toBe(401);
    expect(answered).toMatchObject({ 'www-authenticate': 'Bearer realm="atone"', connection: 'close' });
    expect(body).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('it opens every door', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };

    const statuses = await Promise.all(
      routes().map(async ({ method, url }) => world.ask(method, url, { headers })),
    );

    expect(statuses.filter(({ status }) => status === 401)).toEqual([]);
  });

  test('a caller without it learns nothing of paths, and its body is not read', async () => {
    const unknown = await world.ask('GET', '/nowhere');
    const large = await world.ask('POST', '/v1/transactions', { body: 'x'.repeat(2_000_000) });

    expect([unknown.status, large.status]).toEqual([401, 401]);
  });

  test('it is never written to the log', () => {
    expect(world.lines.join('')).not.toContain(TOKEN);
  });
});

test('without a token configured, which only a loopback address allows, every door is open', async () => {
  const open = await TestCoordinator.start();

  expect((await open.ask('GET', '/v1/transactions')).status).toBe(200);
  await open.close();
});
