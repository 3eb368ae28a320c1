import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { COMMANDS_PATH, signRequest, type BranchCommand } from '@atone/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { BranchReply } from '@atone/core';
import type { Participant } from '../participant.js';
import { command } from '../testing/ledger.fixture.js';
import { commandListener } from './command-listener.js';
import { BODY_BYTES_MAX } from './command-request.js';
import { startCommandServer, type CommandServer, type CommandServerOptions } from './command-server.js';

const KEY = { keyId: 'k1', secret: 'open sesame' };
const DONE: BranchReply = { outcome: 'done', output: null };

const servers: CommandServer[] = [];

afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

interface Gate {
  readonly participant: Participant;
  readonly started: string[];
  open(this: void, branchId: string): void;
}

/** A participant whose commands wait, those named `slow…`, until the test lets them go. */
function createGate(): Gate {
  const started: string[] = [];
  const waiting = new Map<string, () => void>();
  const running = new Set<Promise<unknown>>();
  const execute = async ({ branchId }: BranchCommand): Promise<BranchReply> => {
    started.push(branchId);
    if (branchId.startsWith('slow')) {
      await new Promise<void>((resolve) => {
        waiting.set(branchId, resolve);
      });
    }
    return DONE;
  };
  return {
    started,
    open: (branchId) => waiting.get(branchId)?.(),
    participant: {
      service: 'ledger',
      handlers: [],
      execute(one) {
        const reply = execute(one);
        running.add(reply);
        return reply.finally(() => running.delete(reply));
      },
      idle: async () => {
        await Promise.all(running);
      },
    },
  };
}

async function start(options: Partial<CommandServerOptions> = {}): Promise<CommandServer> {
  const server = await startCommandServer({ participant: createGate().participant, port: 0, ...options });
  servers.push(server);
  return server;
}

const batch = (...commands: unknown[]) => JSON.stringify({ protocol: 1, commands });

const post = (server: { url: string }, body: string, headers: Record<string, string> = {}) =>
  fetch(server.url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'atone-protocol': '1', ...headers },
  });

const signed = (body: string, key = KEY, at = Date.now()) => ({
  'atone-signature': signRequest({ method: 'POST', path: COMMANDS_PATH, body }, key, at),
});

const codeOf = (status: number) =>
  ({ 400: 'BAD_REQUEST', 413: 'PAYLOAD_TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE' })[status];

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);

test('each command of a batch is answered by a line that names its attempt', async () => {
  const server = await start();
  const commands = [
    command({ branchId: 'a', attempt: 3 }),
    command({ branchId: 'b', op: 'compensate', round: 2 }),
  ];

  const response = await post(server, batch(...commands));

  expect(response.headers.get('content-type')).toContain('application/x-ndjson');
  const lines = linesOf(await response.text());
  expect(lines).toHaveLength(2);
  expect(lines).toEqual(
    expect.arrayContaining(
      commands.map(({ gid, branchId, op, round, attempt }) => ({
        gid,
        branchId,
        op,
        round,
        attempt,
        reply: DONE,
      })),
    ),
  );
});

test('a reply is sent as soon as it is known, while other commands of the batch still run', async () => {
  const { participant, open } = createGate();
  const server = await start({ participant });

  const response = await post(server, batch(command({ branchId: 'slow' }), command({ branchId: 'quick' })));

  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader?.read();
  open('slow');
  const second = await reader?.read();
  expect([first?.value, second?.value]).toEqual([
    expect.stringContaining('"quick"'),
    expect.stringContaining('"slow"'),
  ]);
});

describe('a command that makes no sense', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;

  test.each<[string, string, RegExp]>([
    [
      'is of another shape',
      batch({ ...command({ branchId: 'bad' }), service: '7' }),
      /malformed: \/service: /u,
    ],
    [
      'is nested too deeply',
      batch({ ...command({ branchId: 'bad' }), input: 0 }).replace('"input":0', `"input":${deep}`),
      /malformed: it: is nested too deeply$/u,
    ],
  ])('because it %s is answered so, and harms no other of its batch', async (_why, body, message) => {
    const { participant, started } = createGate();
    const server = await start({ participant });
    const good = JSON.stringify(command({ branchId: 'good' }));

    const response = await post(server, body.replace('"commands":[', `"commands":[${good},`));

    expect(response.status).toBe(200);
    expect(linesOf(await response.text())).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ branchId: 'good', reply: DONE }),
        expect.objectContaining({
          branchId: 'bad',
          attempt: 1,
          reply: {
            outcome: 'unknown',
            error: { class: 'bad-payload', message: expect.stringMatching(message) },
          },
        }),
      ]),
    );
    expect(started).toEqual(['good']);
  });

  test('and does not even name its attempt gets no line, and harms no other of its batch', async () => {
    const server = await start();

    const response = await post(server, batch({ ...command({ branchId: 'bad' }), round: 0 }, command()));

    expect(linesOf(await response.text())).toEqual([expect.objectContaining({ reply: DONE })]);
  });
});

describe('a request that is not carried out', () => {
  const none = command();
  test.each<[string, () => string, Record<string, string>, number, unknown]>([
    ['is no JSON', () => '{', {}, 400, [{ field: '/', message: 'must be JSON' }]],
    ['has no commands', () => batch(), {}, 400, [{ field: '/commands', message: expect.any(String) }]],
    [
      'has only commands that name no attempt',
      () => batch({ ...none, round: 0 }, 'none'),
      {},
      400,
      [
        { field: '/commands/0/round', message: expect.any(String) },
        { field: '/commands/1', message: expect.any(String) },
      ],
    ],
    [
      'has too many commands',
      () => batch(...Array.from({ length: 257 }, () => none)),
      {},
      400,
      [{ field: '/commands', message: expect.any(String) }],
    ],
    [
      'is of another version by its header',
      () => batch(none),
      { 'atone-protocol': '2' },
      400,
      [{ field: 'atone-protocol', message: 'must be one of: 1' }],
    ],
    [
      'is of another version by its body',
      () => JSON.stringify({ protocol: 2, commands: [none] }),
      {},
      400,
      [{ field: '/protocol', message: expect.any(String) }],
    ],
    ['is too large', () => batch({ ...none, input: 'x'.repeat(BODY_BYTES_MAX) }), {}, 413, undefined],
    [
      'comes from a page in a browser',
      () => batch(none),
      { 'content-type': 'text/plain' },
      415,
      [{ field: 'content-type', message: 'must be application/json' }],
    ],
  ])(
    'because it %s gets a problem document that says so',
    async (_title, ...[body, headers, status, errors]) => {
      const { participant, started } = createGate();
      const server = await start({ participant });

      const response = await post(server, body(), headers);

      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({
        status,
        code: codeOf(status),
        ...(errors === undefined ? {} : { errors }),
      });
      expect(response.status).toBe(status);
      expect(started).toEqual([]);
    },
  );

  test('gets 404 at another path, and 405 for another method', async () => {
    const server = await start();
    const elsewhere = { url: server.url.replace('commands', 'other') };

    const responses = [await post(elsewhere, batch(none)), await fetch(server.url)];

    expect(responses.map(({ status }) => status)).toEqual([404, 405]);
    await expect(Promise.all(responses.map((response) => response.json()))).resolves.toMatchObject([
      { code: 'NOT_FOUND' },
      { code: 'METHOD_NOT_ALLOWED' },
    ]);
    expect(responses[1]?.headers.get('allow')).toBe('POST');
  });

  test('may be too large without telling its length', async () => {
    const server = await start();

    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(server.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      });
      request.on('response', (response) => resolve(response.resume().statusCode));
      request.on('error', reject);
      request.write('x'.repeat(BODY_BYTES_MAX));
      request.write('x');
    });

    expect(status).toBe(413);
  });
});

describe('a server with keys', () => {
  const body = batch(command());
  test.each<[string, Record<string, string>, number]>([
    ['signed', signed(body), 200],
    ['signed by another key of the list', signed(body, { keyId: 'k2', secret: 'older' }), 200],
    ['not signed', {}, 401],
    ['signed with another secret', signed(body, { ...KEY, secret: 'guess' }), 401],
    ['signed with a key that is not known', signed(body, { ...KEY, keyId: 'k9' }), 401],
    ['signed for another body', signed(`${body} `), 401],
    ['signed long ago', signed(body, KEY, Date.now() - 3_600_000), 401],
    ['not signed, not even JSON', { 'content-type': 'application/json; charset=utf-8' }, 401],
  ])('answers a request that is %s accordingly', async (_title, headers, status) => {
    const { participant, started } = createGate();
    const server = await start({ participant, keys: [KEY, { keyId: 'k2', secret: 'older' }] });

    const response = await post(server, body, headers);

    expect(response.status).toBe(status);
    expect(started).toHaveLength(status === 200 ? 1 : 0);
    await response.text();
  });
});

describe('with a prefix', () => {
  const PATH = `/internal${COMMANDS_PATH}`;
  const body = batch(command());
  const signature = (path: string) => ({
    'atone-signature': signRequest({ method: 'POST', path, body }, KEY, Date.now()),
  });

  test.each<[string, string, number]>([
    [PATH, PATH, 200],
    [COMMANDS_PATH, COMMANDS_PATH, 404],
    [PATH, COMMANDS_PATH, 401],
  ])('commands sent to %s and signed for %s are answered by %i', async (path, signedPath, status) => {
    const server = await start({ prefix: '/internal', keys: [KEY] });

    const response = await post({ url: new URL(path, server.url).href }, body, signature(signedPath));

    await response.text();
    expect(response.status).toBe(status);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}${PATH}`);
  });

  test('a framework may cut the prefix off, as Express does', async () => {
    const listener = commandListener(createGate().participant, { prefix: '/internal/', keys: [KEY] });
    const host = createServer((request, response) => {
      const { url = '' } = request;
      listener(Object.assign(request, { originalUrl: url, url: url.replace('/internal', '') }), response);
    });
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    const { port } = host.address() as AddressInfo;

    const response = await post({ url: `http://127.0.0.1:${port}${PATH}` }, body, signature(PATH));

    await response.text();
    host.close().closeAllConnections();
    expect(response.status).toBe(200);
  });

  test.each(['internal', '/in ternal', '/internal?', 'http://here/internal'])(
    'a prefix like %s is refused at once',
    (prefix) => {
      expect(() => commandListener(createGate().participant, { prefix })).toThrow(
        "Write it like '/internal'",
      );
    },
  );
});

describe('a server without keys', () => {
  test('does not listen where other machines could reach it, and says what to do', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({
      name: 'MisuseError',
      message: expect.stringMatching(/nobody signs.*Pass `keys: \[\{ keyId, secret \}\]`/u),
    });
  });

  test.each([
    ['10.0.0.9', 401],
    ['::ffff:127.0.0.1', 200],
    ['::1', 200],
  ])('mounted in another server, it answers %s with %i', async (remoteAddress, status) => {
    const host = createServer(commandListener(createGate().participant));
    host.on('connection', (socket) =>
      Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress }),
    );
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    const { port } = host.address() as AddressInfo;

    const response = await post({ url: `http://127.0.0.1:${port}${COMMANDS_PATH}` }, batch(command()));

    await response.text();
    host.close().closeAllConnections();
    expect(response.status).toBe(status);
  });

  test('with keys it may listen anywhere', async () => {
    const server = await start({ host: '0.0.0.0', keys: [KEY] });
    const body = batch(command());

    const response = await post({ url: server.url.replace('0.0.0.0', ownAddress()) }, body, signed(body));

    expect(response.status).toBe(200);
    await response.text();
  });
});

test('a sender that goes away stops no command', async () => {
  const { participant, started, open } = createGate();
  const server = await start({ participant });
  const abort = new AbortController();
  const gone = fetch(server.url, {
    method: 'POST',
    body: batch(command({ branchId: 'slow' })),
    headers: { 'content-type': 'application/json' },
    signal: abort.signal,
  }).then((response) => response.text());
  await until(() => started.length === 1);

  abort.abort();
  await expect(gone).rejects.toThrow('abort');
  const closing = server.close();
  const isClosedEarly = await Promise.race([closing.then(() => true), Promise.resolve(false)]);
  open('slow');
  await closing;

  servers.length = 0;
  expect(isClosedEarly).toBe(false);
});

test('a server that closes lets running commands finish, and takes no more', async () => {
  const { participant, started, open } = createGate();
  const server = await start({ participant });
  const response = await post(server, batch(command({ branchId: 'slow' })));
  await until(() => started.length === 1);

  const closing = server.close();
  const late = await post(server, batch(command())).then(
    () => 'taken',
    () => 'refused',
  );
  open('slow');
  const lines = linesOf(await response.text());
  await closing;

  servers.length = 0;
  expect(late).toBe('refused');
  expect(lines).toMatchObject([{ branchId: 'slow', reply: DONE }]);
});

test('a port that is taken is an error, not a crash, and says which one and what to do', async () => {
  const { port } = await start();

  await expect(start({ port })).rejects.toMatchObject({
    name: 'MisuseError',
    message: expect.stringMatching(
      new RegExp(`^127.0.0.1:${port}, where the service 'ledger' .* is in use.*\`listen.port\``, 'u'),
    ),
    cause: expect.objectContaining({ code: 'EADDRINUSE' }),
  });
});

test('an address of another machine is an error that says what to correct', async () => {
  await expect(start({ host: '192.0.2.1', keys: [KEY] })).rejects.toThrow(
    /This machine has no address 192\.0\.2\.1\. Correct `listen\.host`/u,
  );
});

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    // oxlint-disable-next-line no-await-in-loop -- a poll, which the test's timeout ends
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
