import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestCoordinator } from '../testing/test.coordinator.js';
import { RouteTable } from './route.table.js';

const GID = '01890a5d-ac96-774b-bcce-b302099a8057';

let world: TestCoordinator;

beforeAll(async () => {
  world = await TestCoordinator.start();
});

afterAll(async () => {
  await world.close();
});

describe('without a token', () => {
  test('every route is closed to a page that had its own name resolve to this machine', async () => {
    const { routes } = world.coordinator.app.get(RouteTable);
    expect(routes.length).toBeGreaterThan(15);
    for (const { method, path } of routes) {
      const url = path.replace(':gid', GID).replaceAll(/:\w+/gu, 'some');
      // oxlint-disable-next-line no-await-in-loop -- the message of a failure names the route.
      const { status } = await world.ask(method as 'GET', url, { headers: { host: 'rebound.example:7070' } });

      expect({ method, path, status }).toEqual({ method, path, status: 403 });
    }
  });

  test.each([
    ['by another name', { host: 'rebound.example' }, "its host header is 'rebound.example'"],
    [
      'from a page elsewhere',
      { origin: 'http://other.example' },
      "it comes from a page of 'http://other.example'",
    ],
    ['from a page without an origin', { origin: 'null' }, "it comes from a page of 'null'"],
  ])('what comes %s is told what to do', async (_title, headers, why) => {
    const {
      status,
      headers: answered,
      body,
    } = await world.ask('POST', `/v1/transactions/${GID}/retry`, { headers });

    expect(status).toBe(403);
    expect(answered).toMatchObject({ connection: 'close', 'atone-protocol': '1' });
    expect(body).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringMatching(/Use http:\/\/localhost, or configure ATONE_API_TOKEN\.$/u),
    });
    expect(body).toMatchObject({ detail: expect.stringContaining(why) });
  });

  test('unknown paths are refused like the others', async () => {
    expect((await world.ask('GET', '/nowhere', { headers: { host: 'rebound.example' } })).status).toBe(403);
  });

  test.each(['localhost:7070', '127.0.0.1:7070', '[::1]:7070'])('%s is answered', async (host) => {
    const bare = await world.ask('GET', '/v1/transactions', { headers: { host } });
    const fromPage = await world.ask('GET', '/v1/transactions', {
      headers: { host, origin: `http://${host}` },
    });

    expect([bare.status, fromPage.status]).toEqual([200, 200]);
  });

  test('a refusal reaches who asks over a connection', async () => {
    const status = await new Promise((resolve, reject) => {
      request(`${world.coordinator.url}/health/live`, { headers: { host: 'rebound.example' } }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });

    expect(status).toBe(403);
  });
});

test('with a token any name will do: the token tells who asks', async () => {
  const token = 'correct-horse-battery';
  const guarded = await TestCoordinator.start({ environment: { ATONE_API_TOKEN: token } });

  const { status } = await guarded.ask('GET', '/v1/transactions', {
    headers: { authorization: `Bearer ${token}`, host: 'atone.example', origin: 'http://console.example' },
  });

  expect(status).toBe(200);
  await guarded.close();
});
