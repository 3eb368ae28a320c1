import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ERROR_CODES, HEADERS, type Problem } from '@atone/protocol';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';
import { LOG } from '../tokens.js';
import { problemSchema } from './answer.schemas.js';

let world: TestCoordinator;

beforeAll(async () => {
  world = await TestCoordinator.start();
});

afterAll(async () => {
  await world.close();
});

const GID = '01890a5d-ac96-774b-bcce-b302099a8057';
const [STEP] = planOf('reserve').steps;

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { deeper: nested(depth - 1) };
}

interface Bad {
  readonly title: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  readonly url?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: keyof typeof ERROR_CODES;
  readonly fields?: readonly string[];
}

const BAD: readonly Bad[] = [
  { title: 'no body', status: 400, code: 'BAD_REQUEST', fields: [''] },
  { title: 'an empty body', body: '', status: 400, code: 'BAD_REQUEST', fields: [''] },
  { title: 'half a body', body: '{"name":', status: 400, code: 'BAD_REQUEST' },
  { title: 'a body that is no object', body: 'null', status: 400, code: 'BAD_REQUEST', fields: [''] },
  {
    title: 'a plan without steps',
    body: { name: 'x', steps: [] },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/steps'],
  },
  {
    title: 'several wrong fields',
    body: {
      ...planOf('reserve'),
      name: '1',
      timeoutMs: -1,
      steps: [{ ...STEP, serivce: 'x', pivot: 'yes' }],
    },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/name', '/steps/0/pivot', '/steps/0/serivce', '/timeoutMs'],
  },
  {
    title: 'a tag with the character 0',
    body: { ...planOf('reserve'), tags: { customer: 'a\0b' } },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/tags/customer'],
  },
  {
    title: 'an unknown action',
    body: { name: 'x', steps: [{ ...STEP, action: 'resreve' }] },
    status: 400,
    code: 'UNKNOWN_ACTION',
    fields: ['/steps/0/action'],
  },
  {
    title: 'a plan that goes round in circles',
    body: { name: 'x', steps: [{ ...STEP, after: ['reserve'] }] },
    status: 400,
    code: 'INVALID_PLAN',
    fields: ['/steps'],
  },
  {
    title: 'an input that nests too deep',
    body: { ...planOf('reserve'), input: nested(40) },
    status: 400,
    code: 'BAD_REQUEST',
  },
  {
    title: 'a poisoned key',
    body: '{"name":"x","input":{"a":[{"__proto__":{"isAdmin":true}}]},"steps":[]}',
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/input/a/0/__proto__'],
  },
  {
    title: 'a poisoned constructor',
    body: '{"name":"x","input":{"constructor":{"prototype":{}}},"steps":[]}',
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/input/constructor'],
  },
  {
    title: 'a body beyond 1 MiB',
    body: { ...planOf('reserve'), input: 'x'.repeat(1_048_576) },
    status: 413,
    code: 'PAYLOAD_TOO_LARGE',
  },
  {
    title: 'a form',
    body: 'name=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    title: 'text',
    body: '{}',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    title: 'a wait that is none',
    url: '/v1/transactions?wait=soon',
    body: planOf('reserve'),
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['wait'],
  },
  {
    title: 'a wait that is too long',
    url: '/v1/transactions?wait=2m',
    body: planOf('reserve'),
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['wait'],
  },
  {
    title: 'an unknown parameter',
    url: '/v1/transactions?wiat=1s',
    body: planOf('reserve'),
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['wiat'],
  },
  {
    title: 'a lane that is none',
    body: planOf('reserve'),
    headers: { 'x-lane': '1 2' },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['x-lane'],
  },
  {
    title: 'a gid that is none',
    method: 'GET',
    url: '/v1/transactions/4711',
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['gid'],
  },
  {
    title: 'a tag without a value',
    method: 'GET',
    url: '/v1/transactions?tag=x',
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['tag'],
  },
  {
    title: 'a parameter with the character 0',
    method: 'GET',
    url: '/v1/transactions?tag=a%3D%00',
    status: 400,
    code: 'BAD_REQUEST',
  },
  {
    title: 'an act without a body',
    url: `/v1/transactions/${GID}/abort`,
    status: 400,
    code: 'BAD_REQUEST',
    fields: [''],
  },
  {
    title: 'an instance without an address',
    method: 'PUT',
    url: '/v1/participants/shop/instances/two',
    body: { instance: 'two', kind: 'library', protocol: 1, actions: [] },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/baseUrl'],
  },
  {
    title: 'an instance by another name than its path',
    method: 'PUT',
    url: '/v1/participants/shop/instances/two',
    body: { instance: 'three', baseUrl: 'http://127.0.0.1:1', kind: 'library', protocol: 1, actions: [] },
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['/instance'],
  },
  {
    title: 'a service that is no name',
    method: 'DELETE',
    url: '/v1/participants/1/instances/two',
    status: 400,
    code: 'BAD_REQUEST',
    fields: ['service'],
  },
  { title: 'a path that is nowhere', method: 'GET', url: '/v2/transactions', status: 404, code: 'NOT_FOUND' },
  {
    title: 'a method that is not taken',
    method: 'PATCH',
    url: '/v1/transactions',
    body: {},
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
  },
  {
    title: 'a path that cannot be decoded',
    method: 'GET',
    url: '/v1/transactions/%zz',
    status: 400,
    code: 'BAD_REQUEST',
  },
  {
    title: 'a path that is too long',
    method: 'GET',
    url: `/v1/transactions/${'x'.repeat(2_000)}`,
    status: 400,
    code: 'BAD_REQUEST',
  },
];

describe('a request with', () => {
  test.each(BAD)('$title is refused, by the name of the field, and writes nothing', async (bad) => {
    const { method = 'POST', url = '/v1/transactions', body, headers } = bad;

    const asked = await world.ask(method, url, { body, ...(headers && { headers }) });

    expect(asked.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const problem = problemSchema.parse(asked.body);
    expect([asked.status, problem.status, problem.code]).toEqual([bad.status, bad.status, bad.code]);
    expect(problem.errors?.map(({ field }) => field).toSorted()).toEqual(bad.fields);
    expect(await world.storedCount()).toBe(0);
  });

  test('a misspelt field is refused by the name of the nearest one', async () => {
    const { problem } = await world.submit({
      ...planOf('reserve'),
      steps: [{ ...STEP, onRefusla: 'retry' }],
    });

    expect(problem.errors).toEqual([
      { field: '/steps/0/onRefusla', message: "is not known here; the nearest one is 'onRefusal'" },
    ]);
  });

  test('every answer says by which protocol it speaks, a refusal too', async () => {
    const answers = await Promise.all(['/v1/counts', '/v1/unknown'].map((url) => world.ask('GET', url)));

    expect(answers.map(({ headers }) => headers[HEADERS.protocol])).toEqual(['1', '1']);
  });

  test('a method that is not taken is told which ones are', async () => {
    const { headers } = await world.ask('DELETE', `/v1/transactions/${GID}`);

    expect(String(headers['allow']).split(', ').toSorted()).toEqual(['GET', 'HEAD']);
  });

  test('thousands of wrong fields is answered with the first of them', async () => {
    const plan = {
      ...planOf('reserve'),
      ...Object.fromEntries(Array.from({ length: 5_000 }, (_, id) => [`f${id}`, 1])),
    };

    const { problem } = await world.submit(plan);

    expect(problem.errors).toHaveLength(20);
  });

  test('octets that are no HTTP are answered with a problem document too', async () => {
    const { port } = new URL(world.coordinator.url);

    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
      socket.once('data', (octets) => {
        resolve(octets.toString());
        socket.destroy();
      });
      socket.once('error', reject);
    });

    expect(answer).toContain('HTTP/1.1 400');
    expect(answer).toContain('content-type: application/problem+json');
    expect(problemSchema.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''))).toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

describe('trouble of our own', () => {
  test('is answered without a word of what it was, which only the log holds', async () => {
    const broken = await TestCoordinator.start({
      log: (log) => Object.assign(log, { counts: async () => Promise.reject(new Error('secret detail')) }),
    });

    const { status, body } = await broken.ask('GET', '/v1/counts');

    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'INTERNAL' } satisfies Partial<Problem>);
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(JSON.stringify(body)).not.toContain('.ts');
    expect(broken.lines.join('')).toContain('secret detail');
    await broken.close();
  });

  test('that is the log being away is a 503 with Retry-After', async () => {
    const away = Object.assign(new Error('connection refused'), { code: 'LOG_UNAVAILABLE' });
    const broken = await TestCoordinator.start({
      log: (log) =>
        Object.assign(log, {
          accept: async () => Promise.reject(away),
          counts: async () => Promise.reject(away),
        }),
    });

    const read = await broken.ask('GET', '/v1/counts');
    const written = await broken.submit(planOf('reserve'));

    for (const { status, headers, body } of [read, written]) {
      expect([status, (body as Problem).code, headers['retry-after']]).toEqual([503, 'LOG_UNAVAILABLE', '2']);
    }
    await broken.close();
  });

  test('keeps what a database says of values out of the log', async () => {
    const error = Object.assign(new Error('duplicate'), {
      detail: 'Key (iban)=(DE89)',
      parameters: ['DE89'],
    });
    const broken = await TestCoordinator.start({
      overrides: [],
      log: (log) => Object.assign(log, { instances: async () => Promise.reject(error) }),
    });

    await broken.ask('GET', '/v1/instances');

    expect(broken.coordinator.app.get(LOG)).toBeDefined();
    expect(broken.lines.join('')).toContain('duplicate');
    expect(broken.lines.join('')).not.toContain('DE89');
    await broken.close();
  });
});
