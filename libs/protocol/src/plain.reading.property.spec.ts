import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { branchCommandSchema, replyEnvelopeSchema } from './command.schema.js';
import { plainCommand, plainReply } from './plain.reading.js';

const GID = '0193d6c0-0000-7000-8000-000000000001';
const HASH = 'ab'.repeat(32);

const attempt = {
  gid: fc.constant(GID),
  branchId: fc.string({ minLength: 1, maxLength: 20 }),
  op: fc.constantFrom('action', 'confirm', 'compensate', 'close-action', 'close-confirm', 'close-compensate'),
  round: fc.integer({ min: 1 }),
  attempt: fc.integer({ min: 1 }),
};
const name = fc.constantFrom('stock', 'A.b_c-1', 'x'.repeat(128));

const command = fc.record(
  {
    ...attempt,
    service: name,
    action: name,
    issuedAt: fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    input: fc.jsonValue(),
    output: fc.jsonValue(),
    led: fc.record(
      {
        secretHash: fc.constant(HASH),
        epoch: fc.integer({ min: 1 }),
        initiator: name,
        timeoutMs: fc.integer({ min: 1, max: 1_000 }),
      },
      { requiredKeys: ['secretHash', 'epoch', 'initiator'] },
    ),
    nonce: fc.constant('abcdefgh'),
    reason: fc.string(),
    remainingMs: fc.integer(),
    lane: name,
    traceparent: fc.string({ maxLength: 256 }),
    baggage: fc.string({ maxLength: 300 }),
  },
  { requiredKeys: ['gid', 'branchId', 'op', 'round', 'attempt', 'service', 'action', 'issuedAt'] },
);

const reply = fc.record({
  ...attempt,
  reply: fc.oneof(
    fc.record({ outcome: fc.constant('done'), output: fc.jsonValue() }),
    fc.record({ outcome: fc.constant('undone'), wasEmpty: fc.boolean() }),
    fc.record({ outcome: fc.constantFrom('confirmed', 'already-undone', 'closed') }),
  ),
});

/** What is put somewhere into what was right: none of it belongs everywhere. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'x',
    'x'.repeat(129),
    'x'.repeat(257),
    'x'.repeat(8_193),
    0,
    -1,
    1.5,
    2 ** 53,
    Number.POSITIVE_INFINITY,
    GID,
    GID.toUpperCase(),
    `${GID}\n`,
    HASH,
    'done',
    'refused',
    'stock\n',
    '1a',
    [],
    {},
    { outcome: 'done' },
    { outcome: 'done', output: Number.POSITIVE_INFINITY },
    { outcome: 'closed', more: 1 },
    { outcome: 'undone', wasEmpty: 1 },
    { outcome: 'not-yet', retryAfterMs: 1 },
    { outcome: 'refused', refusal: { reason: 'no', isStored: true } },
  ),
  fc.jsonValue(),
  fc.constant(JSON.parse('{"a":[{"__proto__":{"x":1},"b":2}]}') as unknown),
);
const change = fc.record({
  field: fc.constantFrom(
    ...Object.keys(branchCommandSchema.shape),
    'reply',
    'more',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ),
  inside: fc.option(
    fc.constantFrom(
      'secretHash',
      'epoch',
      'timeoutMs',
      'outcome',
      'output',
      'wasEmpty',
      'enlistment',
      'more',
    ),
  ),
  value: fc.option(odd, { nil: undefined }),
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Puts a value where `change` says, or takes away what is there. */
function changed(value: object, { field, inside, value: put }: Change): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  const below = inside !== null && Object.hasOwn(copy, field) ? copy[field] : undefined;
  const [where, what] =
    inside !== null && typeof below === 'object' && below !== null && !Array.isArray(below)
      ? [below as Record<string, unknown>, inside]
      : [copy, field];
  if (put === undefined) {
    Reflect.deleteProperty(where, what);
  } else {
    // As JSON.parse does, for any name.
    Object.defineProperty(where, what, {
      value: structuredClone(put),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

const commandBySchema = (json: unknown): unknown => branchCommandSchema.safeParse(json);
const replyBySchema = (json: unknown): unknown => replyEnvelopeSchema.safeParse(json);

describe.each([
  {
    what: 'a command',
    arbitrary: command as fc.Arbitrary<object>,
    read: commandBySchema,
    plain: plainCommand,
  },
  { what: 'a reply', arbitrary: reply as fc.Arbitrary<object>, read: replyBySchema, plain: plainReply },
])('$what', ({ arbitrary, read, plain }) => {
  test('that is as it should be is read by hand as the schema reads it', () => {
    fc.assert(
      fc.property(arbitrary, (one) => {
        const text = JSON.stringify(one);
        fc.pre(!text.includes('__proto__'));
        const json: unknown = JSON.parse(text);

        expect(read(json)).toEqual({ success: true, data: plain(json) });
        expect(plain(json)).toBeDefined();
      }),
    );
  });

  test('is never read by hand otherwise than by the schema, whatever is wrong with it', () => {
    fc.assert(
      fc.property(arbitrary, fc.array(change, { maxLength: 3 }), (one, changes) => {
        const json = changes.reduce<unknown>((sofar, next) => changed(sofar as object, next), one);

        const data = plain(json);

        const [seen, wanted] = data === undefined ? [] : [read(json), { success: true, data }];
        expect(seen).toEqual(wanted);
      }),
      { numRuns: 1_000 },
    );
  });
});
