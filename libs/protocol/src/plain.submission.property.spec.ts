import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainSubmission } from './plain.submission.js';
import { submissionSchema } from './plan.schema.js';

/** What is put in the place of something right: none of it belongs everywhere. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    '1a',
    'stock\n',
    'a.b',
    'nul\0',
    'x'.repeat(65),
    'x'.repeat(129),
    'x'.repeat(257),
    0,
    -1,
    1.5,
    9,
    100_001,
    2 ** 53,
    Number.POSITIVE_INFINITY,
    'abort',
    'never',
    [],
    {},
    [1],
    Array.from({ length: 1_001 }, () => 'x'),
    { deep: [{ large: Number.POSITIVE_INFINITY }] },
    Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`tag${index}`, 'x'])),
  ),
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    JSON.parse('{"a":[{"__proto__":{"x":1},"b":2}]}'),
    JSON.parse('{"__proto__":"x"}'),
  ),
);

/** Returns what a submission looks like whose fields are now and then `wrong`. */
function submissionWith(wrong: fc.Arbitrary<unknown>[]): fc.Arbitrary<unknown> {
  const or = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: right, weight: 30 }, ...wrong.map((arbitrary) => ({ arbitrary, weight: 1 })));
  const more =
    wrong.length === 0 ? {} : Object.fromEntries(STRANGE_NAMES.map((name) => [name, fc.jsonValue()]));
  const name = or(fc.constantFrom('stock', 'A.b_c-1', 'x'.repeat(128)));
  const recordOf = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>, requiredKeys: string[]) =>
    or(fc.record<Record<string, unknown>>({ ...fields, ...more }, { requiredKeys }));
  const retry = recordOf(
    {
      attemptCountMax: or(fc.integer({ min: 1, max: 100_000 })),
      undoAttemptCountMax: or(fc.integer({ min: 1, max: 100_000 })),
      initialMs: or(fc.integer({ min: 1, max: 3_600_000 })),
      capMs: or(fc.integer({ min: 1, max: 86_400_000 })),
      replyTimeoutMs: or(fc.integer({ min: 10, max: 3_600_000 })),
    },
    [],
  );
  const step = recordOf(
    {
      name: or(fc.constantFrom('first', 'a-1_B', 'x'.repeat(64))),
      service: name,
      action: name,
      input: or(fc.jsonValue()),
      after: or(fc.array(or(fc.string()), { maxLength: 3 })),
      pivot: or(fc.boolean()),
      onRefusal: or(fc.constantFrom('abort', 'retry')),
      retry,
    },
    ['name', 'service', 'action'],
  );
  const tagName = fc.constantFrom(
    'customer',
    'A.b_c-1',
    'x'.repeat(64),
    ...(wrong.length === 0 ? [] : STRANGE_NAMES),
  );
  return recordOf(
    {
      name,
      initiator: name,
      input: or(fc.jsonValue()),
      steps: or(fc.array(step, { minLength: 1, maxLength: 3 })),
      retry,
      timeoutMs: or(fc.integer({ min: 1, max: 30 * 86_400_000 })),
      tags: or(fc.dictionary(tagName, or(fc.constantFrom('', 'a=b', 'ä'.repeat(256))), { maxKeys: 20 })),
      lane: name,
    },
    ['name', 'steps'],
  );
}

const STRANGE_NAMES = ['more', 'a b', 'constructor', 'toString', 'hasOwnProperty', '__proto__'];

describe('a submission', () => {
  test('that is as it should be is read by hand as the schema reads it', () => {
    fc.assert(
      fc.property(submissionWith([]), (one) => {
        const text = JSON.stringify(one);
        fc.pre(!text.includes('__proto__'));
        const json: unknown = JSON.parse(text);

        expect(submissionSchema.safeParse(json)).toEqual({ success: true, data: plainSubmission(json) });
        expect(plainSubmission(json)).toBeDefined();
      }),
    );
  });

  test('is never read by hand otherwise than by the schema, whatever is wrong with it', () => {
    fc.assert(
      fc.property(submissionWith([odd]), (json) => {
        const data = plainSubmission(json);

        const [seen, wanted] =
          data === undefined ? [] : [submissionSchema.safeParse(json), { success: true, data }];
        expect(seen).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });
});
