import { expect, test } from '@jest/globals';
import type { HttpRequest } from './client.ports.js';
import { createClient } from './client.js';

const GIDS = ['01980000-0000-7000-8000-000000000001', '01980000-0000-7000-8000-000000000002'];

/** A client whose coordinator gives this answer to everything. */
function clientWith(status: number, body: unknown) {
  const requests: HttpRequest[] = [];
  const client = createClient(
    { url: 'http://coordinator.test', token: 'secret' },
    {
      send: async (request) => {
        requests.push(request);
        return { status, text: JSON.stringify(body), header: () => undefined };
      },
      clock: { now: () => 0, setTimer: () => ({ cancel: () => undefined }) },
      random: { next: () => 0.5, bytes: (count) => new Uint8Array(count) },
    },
  );
  return { client, requests };
}

test('endings are asked for in one request, with the token, and come back as they are', async () => {
  const [live, ended] = [
    { gid: GIDS[0], isLive: true },
    { gid: GIDS[1], isLive: false, endedForMs: 5 },
  ];
  const { client, requests } = clientWith(200, { transactions: [live, ended], news: 'of a later version' });

  const endings = await client.endings(GIDS);

  expect(endings).toEqual([live, ended]);
  expect(requests).toMatchObject([
    {
      method: 'POST',
      url: 'http://coordinator.test/v1/transactions/endings',
      headers: { authorization: 'Bearer secret' },
      body: JSON.stringify({ gids: GIDS }),
    },
  ]);
});

test.each([
  ['no JSON of ours', {}],
  ['an end without its time', { transactions: [{ gid: GIDS[0], isLive: false }] }],
  ['neither live nor ended', { transactions: [{ gid: GIDS[0] }] }],
])('an answer that is %s tells nothing, rather than something wrong', async (_title, body) => {
  await expect(clientWith(200, body).client.endings(GIDS)).rejects.toMatchObject({
    code: 'UNEXPECTED_ANSWER',
    message: expect.stringContaining('tells no endings'),
  });
});

test('a coordinator that does not answer is asked once: whoever needs it comes back by itself', async () => {
  const { client, requests } = clientWith(500, {});

  await expect(client.endings(GIDS)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' });
  expect(requests).toHaveLength(1);
});
