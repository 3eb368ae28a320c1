import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  actRequestSchema,
  countsSchema,
  decisionRequestSchema,
  doubtsRequestSchema,
  endingsRequestSchema,
  ERROR_CODES,
  logInfoSchema,
  noticesRequestSchema,
  participantInstanceSchema,
  participantListSchema,
  registrationRequestSchema,
  skipRequestSchema,
  submissionSchema,
  transactionPageSchema,
} from '@atone/protocol';
import { coordinatorInstancesSchema, healthSchema } from '../http/answer.schemas.js';
import { retryBodySchema } from '../http/request.schemas.js';
import { RouteTable } from '../http/route.table.js';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';
import { EXAMPLES } from './examples.js';

interface Described {
  readonly operationId?: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { schema?: object; example?: unknown }>>;
  };
  readonly responses: Readonly<
    Record<string, { description: string; content?: Readonly<Record<string, { schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let world: TestCoordinator;
let document: Document;

beforeAll(async () => {
  world = await TestCoordinator.start();
  document = (await world.ask('GET', '/openapi.json')).body as Document;
});

afterAll(async () => {
  await world.close();
});

/** The routes that are not about the description itself. */
function routes(): { method: string; path: string }[] {
  return world.coordinator.app
    .get(RouteTable)
    .routes.filter(({ method, path }) => method !== 'HEAD' && !['/openapi.json', '/docs'].includes(path))
    .map(({ method, path }) => ({ method: method.toLowerCase(), path: path.replaceAll(/:(\w+)/gu, '{$1}') }));
}

function operations(): { name: string; method: string; path: string; operation: Described }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method} ${path}`,
      method,
      path,
      operation,
    })),
  );
}

describe('the description of the API', () => {
  test('holds every route, and no other', () => {
    expect(
      operations()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(
      routes()
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    );
  });

  test('gives each operation a unique id and a summary', () => {
    const ids = operations().map(({ operation }) => operation.operationId);

    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[a-z]+[A-Za-z]+$/u.test(id ?? ''))).toBe(true);
    expect(operations().filter(({ operation }) => !operation.summary)).toEqual([]);
  });

  test('gives each parameter of a path and each body a schema, and each body an example', () => {
    for (const { name, path, operation } of operations()) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      const expected = [...path.matchAll(/\{(\w+)\}/gu)].map(([, each]) => String(each));
      const body = operation.requestBody?.content['application/json'];

      expect({ name, parameters: inPath.map((each) => each.name).toSorted() }).toEqual({
        name,
        parameters: expected.toSorted(),
      });
      expect({
        name,
        isTyped: inPath.every(({ schema }) => 'pattern' in schema || 'minLength' in schema),
      }).toEqual({ name, isTyped: true });
      expect({ name, hasSchema: body === undefined || body.schema !== undefined }).toEqual({
        name,
        hasSchema: true,
      });
      expect({ name, hasExample: body === undefined || body.example !== undefined }).toEqual({
        name,
        hasExample: true,
      });
    }
  });

  test('says of each operation what it answers, and with which problems', () => {
    const statuses = new Set<number>(Object.values(ERROR_CODES));
    for (const { name, operation } of operations()) {
      const answers = Object.entries(operation.responses);
      const successes = answers.filter(([status]) => status.startsWith('2'));
      const problems = answers.filter(([status]) => !status.startsWith('2'));

      expect({ name, count: successes.length > 0 && problems.length > 0 }).toEqual({ name, count: true });
      for (const [status, answer] of problems) {
        expect({ name, status, isKnown: statuses.has(Number(status)) }).toEqual({
          name,
          status,
          isKnown: true,
        });
        expect(Object.keys(answer.content ?? {})).toEqual(['application/problem+json']);
      }
      for (const [status, answer] of successes) {
        expect({ name, status, hasBody: answer.content !== undefined }).toEqual({
          name,
          status,
          hasBody: status !== '204',
        });
      }
    }
  });

  test('demands the token of everything but the health checks', () => {
    const open = operations().filter(({ operation }) => operation.security === undefined);

    expect(open.map(({ path }) => path).toSorted()).toEqual(['/health/live', '/health/ready']);
  });

  test('refers only to schemas that it holds', () => {
    const references = [
      ...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/gu),
    ].map(([, name]) => name);

    expect(references.length).toBeGreaterThan(10);
    expect(references.filter((name) => !Object.hasOwn(document.components.schemas, name ?? ''))).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('$defs');
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining([
        'Problem',
        'Submission',
        'Transaction',
        'TransactionPage',
        'ParticipantInstance',
        'Json',
      ]),
    );
    expect(document.openapi).toBe('3.1.0');
  });

  test.each([
    ['submitTransaction', submissionSchema],
    ['tellEndings', endingsRequestSchema],
    ['noticeTransactions', noticesRequestSchema],
    ['registerBranches', registrationRequestSchema],
    ['decideTransaction', decisionRequestSchema],
    ['settleDoubts', doubtsRequestSchema],
    ['registerInstance', participantInstanceSchema],
    ['retryTransaction', retryBodySchema],
    ['abortTransaction', actRequestSchema],
    ['pauseTransaction', actRequestSchema],
    ['resumeTransaction', actRequestSchema],
    ['skipBranch', skipRequestSchema],
  ])('shows an example of %s that would be accepted', (operationId, schema) => {
    expect(schema.safeParse(EXAMPLES[operationId]).error).toBeUndefined();
  });

  test.each([
    { url: '/v1/transactions', schema: transactionPageSchema },
    { url: '/v1/counts', schema: countsSchema },
    { url: '/v1/log', schema: logInfoSchema },
    { url: '/v1/instances', schema: coordinatorInstancesSchema },
    { url: '/v1/participants', schema: participantListSchema },
    { url: '/health/ready', schema: healthSchema },
  ])('is what $url answers', async ({ url, schema }) => {
    await world.submit({ ...planOf('reserve'), tags: { a: 'b' } }, { wait: '10s' });

    const { status, body } = await world.ask('GET', url);

    expect(status).toBe(200);
    expect(schema.safeParse(body).error).toBeUndefined();
  });

  test('is shown to people as a page that loads nothing from elsewhere', async () => {
    const { status, headers, body } = await world.ask('GET', '/docs');

    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).toContain('POST /v1/transactions/{gid}/branches/{branchId}/skip');
    expect(body).not.toMatch(/<script|<link|<img|@import|src=/u);
  });
});
