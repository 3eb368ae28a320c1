import {
  actRequestSchema,
  countsSchema,
  decisionRequestSchema,
  doubtsRequestSchema,
  jsonSchema,
  noticesRequestSchema,
  participantInstanceSchema,
  registrationRequestSchema,
  skipRequestSchema,
  submissionSchema,
  transactionPageSchema,
} from '@atone/protocol';
import { z } from 'zod';
import { retryBodySchema } from '../http/request.schemas.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Names in the description for schemas that have none of their own. */
const NAMES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [submissionSchema, 'Submission'],
  [decisionRequestSchema, 'Decision'],
  [registrationRequestSchema, 'Registration'],
  [noticesRequestSchema, 'Notices'],
  [doubtsRequestSchema, 'Doubts'],
  [participantInstanceSchema, 'ParticipantInstance'],
  [actRequestSchema, 'Act'],
  [skipRequestSchema, 'Skip'],
  [retryBodySchema, 'Retry'],
  [countsSchema, 'Counts'],
  [transactionPageSchema, 'TransactionPage'],
]);

/** How zod calls what has no name; the only one is "any JSON", which refers to itself. */
const NAMELESS = /#\/\$defs\/__schema\d+/gu;

/**
 * Returns the JSON schema of `schema`, and those that it refers to.
 *
 * @throws Error when the schema holds something that JSON cannot express, naming it.
 */
export function convertSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
): { schema: JsonSchema; components: Record<string, JsonSchema> } {
  const whole = z.toJSONSchema(schema, { io, target: 'draft-2020-12', override: simplify });
  const text = JSON.stringify(whole)
    .replaceAll(NAMELESS, '#/$defs/Json')
    .replaceAll('#/$defs/', '#/components/schemas/');
  const { $schema: _dialect, $defs: _definitions, ...root } = JSON.parse(text) as Record<string, JsonSchema>;
  const components = Object.fromEntries(
    Object.entries((JSON.parse(text) as { $defs?: Record<string, JsonSchema> }).$defs ?? {}).map(
      ([name, body]) => [name.replace(/^__schema\d+$/u, 'Json'), withoutId(body)],
    ),
  );
  const name = NAMES.get(schema);
  return name === undefined
    ? { schema: root, components }
    : { schema: { $ref: `#/components/schemas/${name}` }, components: { ...components, [name]: root } };
}

function withoutId({ id: _id, ...body }: JsonSchema): JsonSchema {
  return body;
}

function simplify({
  zodSchema,
  jsonSchema: result,
}: {
  zodSchema: unknown;
  jsonSchema: Record<string, unknown>;
}): void {
  if (zodSchema === jsonSchema) {
    for (const key of Object.keys(result)) {
      Reflect.deleteProperty(result, key);
    }
    result['description'] = 'Any JSON value.';
  } else if (result['format'] === 'date-time') {
    // The pattern says no more, in three lines.
    delete result['pattern'];
  }
}
