import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import specs from '@asyncapi/specs';
import {
  branchCommandSchema,
  commandRecord,
  commandsTopic,
  deadRecord,
  deadTopic,
  forwardedRecord,
  jsonSchema,
  replyEnvelopeSchema,
  repliesTopic,
  replyRecord,
  replyTo,
  type BranchCommand,
  type WireRecord,
} from '@atone/protocol';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv, type AnySchemaObject } from 'ajv';
import addFormats from 'ajv-formats';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { readText, ROOT } from './markdown.js';

const PAGE = 'docs/protocol/asyncapi.yaml';
const SCHEMAS = { Command: branchCommandSchema, Reply: replyEnvelopeSchema };

interface Described {
  readonly channels: Readonly<Record<string, { readonly address: string | null }>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const COMMAND: BranchCommand = {
  gid: '019b7704-7c00-7000-8000-5d6a1c0f3b21',
  branchId: 'reserve',
  op: 'action',
  round: 1,
  attempt: 1,
  service: 'stock',
  action: 'reserve',
  input: { sku: 'a-1', tags: [null, 1, { deep: true }] },
  issuedAt: 1_767_225_600_000,
  lane: 'green',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const PLACE = { topic: 'atone.commands.stock.green', replyTo: { topic: 'atone.replies', partition: 3 } };
const ORIGIN = {
  source: '/coordinators/one',
  nowMs: COMMAND.issuedAt,
  signingKey: { keyId: 'k1', secret: 's' },
};
const SENT = commandRecord(COMMAND, PLACE, ORIGIN);
const ANSWERED = replyRecord(
  replyTo(COMMAND, { outcome: 'done', output: { left: 3 } }),
  PLACE.replyTo,
  ORIGIN,
);

let described: Described;

beforeAll(() => {
  const document = parseDocument(readText(PAGE));
  if (process.env['REWRITE'] === '1') {
    Object.entries(SCHEMAS).forEach(([name, schema]) => {
      document.setIn(['components', 'schemas', name], document.createNode(wireSchema(schema)));
    });
    writeFileSync(
      join(ROOT, PAGE),
      document.toString({ flowCollectionPadding: false, lineWidth: 140, singleQuote: true }),
    );
  }
  described = document.toJS() as Described;
});

/** Returns the schema of what is read, in the words that AsyncAPI takes. */
function wireSchema(schema: z.ZodType): object {
  const {
    $schema: _dialect,
    definitions: _json,
    ...rest
  } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema: made }) => {
      if ((zodSchema as unknown) === jsonSchema) {
        Object.keys(made).forEach((key) => Reflect.deleteProperty(made, key));
        made.description = 'Any JSON value.';
      }
    },
  });
  const text = JSON.stringify(rest).replaceAll(/#\/definitions\/\w+/gu, '#/components/schemas/Json');
  return JSON.parse(text) as object;
}

function validator(): Ajv {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv);
  return ajv;
}

/** Returns what is wrong with a value by one of the page's schemas. */
function problems(name: string, value: unknown): unknown {
  const validate = validator().addSchema(described, 'page').getSchema(`page#/components/schemas/${name}`);
  void validate?.(value);
  return validate === undefined ? 'there is no such schema' : (validate.errors ?? []);
}

describe('the page about the channels', () => {
  test('is one of AsyncAPI 3.0', () => {
    const validate = validator().compile(specs.schemasWithoutId['3.0.0'] as AnySchemaObject);

    void validate(described);

    expect(validate.errors ?? []).toEqual([]);
  });

  test.each(Object.entries(SCHEMAS))('describes a %s as it is read', (name, schema) => {
    expect(described.components.schemas[name]).toEqual(wireSchema(schema));
  });

  test('names the topics as they are', () => {
    const addresses = Object.values(described.channels).map(({ address }) => address);

    expect(addresses).toEqual([
      commandsTopic('atone', '{service}'),
      commandsTopic('atone', '{service}', '{lane}'),
      null,
      repliesTopic('atone'),
      repliesTopic('atone', '{service}'),
      deadTopic('atone'),
    ]);
  });

  const stored = { ...ANSWERED, partition: 3, offset: 7n };
  test.each<[string, WireRecord]>([
    ['Command', SENT],
    ['Reply', ANSWERED],
    ['Reply', forwardedRecord(stored, { partition: 4, by: 'two' })],
  ])('has a %s as it is sent', (name, { headers, value }) => {
    expect(problems(name, JSON.parse(value))).toEqual([]);
    expect(problems(`${name}Headers`, headers)).toEqual([]);
    expect(described.components.schemas).toHaveProperty([`${name}Headers`]);
  });

  test('has a dead letter as it is put away', () => {
    const { headers } = deadRecord(stored, { topic: 'atone.dead', reason: 'It has no value.' });

    expect(problems('DeadLetterHeaders', headers)).toEqual([]);
  });

  test('takes nothing else for a command', () => {
    const { headers } = ANSWERED;

    expect(problems('CommandHeaders', headers)).toMatchObject(expect.arrayContaining([expect.anything()]));
    expect(problems('Command', { ...COMMAND, op: 'undo' })).toHaveLength(1);
  });

  test('leaves out no header', () => {
    const names = [SENT, ANSWERED].flatMap(({ headers }) => Object.keys(headers));

    const page = JSON.stringify(described);

    expect(names.filter((name) => !page.includes(`"${name}"`))).toEqual([]);
  });
});
