import { request as httpRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { COMMANDS_PATH, signRequest, type SigningKey } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Participant } from '../participant.js';
import { command } from '../testing/ledger.fixture.js';
import { startCommandServer, type CommandServer } from './command-server.js';

const KEY = { keyId: 'k1', secret: 'open sesame' };
const BODY = JSON.stringify({ protocol: 1, commands: [command()] });

const servers: CommandServer[] = [];
const carriedOut: string[] = [];

const participant: Participant = {
  service: 'ledger',
  handlers: [],
  execute: async ({ branchId }) => {
    carriedOut.push(branchId);
    return { outcome: 'done', output: null };
  },
  idle: async () => undefined,
};

afterEach(async () => {
  carriedOut.length = 0;
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Answered {
  readonly status: number | undefined;
  readonly body: unknown;
}

/** Sends a command with headers that `fetch` would not let through. */
async function send(headers: Record<string, string>, keys: readonly SigningKey[] = []): Promise<Answered> {
  const server = await startCommandServer({ participant, port: 0, keys });
  servers.push(server);
  return new Promise((resolve, reject) => {
    const request = httpRequest(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
    });
    request.on('error', reject).on('response', (response) => {
      json(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    request.end(BODY);
  });
}

describe('a server without keys', () => {
  test.each([
    ['by a name that a page had resolve to this machine', { host: 'rebound.example' }, "'rebound.example'"],
    ['from a page elsewhere', { origin: 'http://other.example' }, "page of 'http://other.example'"],
  ])('refuses what comes %s, and says what to do', async (_title, headers, why) => {
    const { status, body } = await send(headers);

    expect({ status, carriedOut }).toEqual({ status: 403, carriedOut: [] });
    const { code, detail } = body as { code: string; detail: string };
    expect(code).toBe('FORBIDDEN');
    expect(detail).toContain(why);
    expect(detail).toMatch(/give this service `keys`\.$/u);
  });

  test.each(['forwarded', 'x-forwarded-for', 'via'])(
    'refuses what a proxy passed on, as %s shows, for any caller may be behind it',
    async (name) => {
      const { status, body } = await send({ [name]: '' });

      expect({ status, carriedOut }).toEqual({ status: 403, carriedOut: [] });
      expect(body).toMatchObject({
        code: 'FORBIDDEN',
        detail: expect.stringMatching(
          new RegExp(`header '${name}' shows. Give this service \`keys\`\\.$`, 'u'),
        ),
      });
    },
  );

  test.each(['localhost', '127.0.0.1:9000', '[::1]:9000'])('answers who asks for %s', async (host) => {
    expect(await send({ host })).toMatchObject({ status: 200 });
  });
});

test('a server with keys may be asked by any name and past any proxy: the signature tells who asks', async () => {
  const signature = signRequest({ method: 'POST', path: COMMANDS_PATH, body: BODY }, KEY, Date.now());

  expect(
    await send({ host: 'stock.example', via: '1.1 proxy', 'atone-signature': signature }, [KEY]),
  ).toMatchObject({
    status: 200,
  });
});
