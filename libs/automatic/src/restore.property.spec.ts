import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Client } from 'pg';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { type Fate, LANES, Program, type Step } from './testing/program.js';
import { ATTACHED, SEED, TABLES } from './testing/program.statements.js';

const RUN_COUNT = 60;

const DRAW = fc.record({
  kind: fc.nat({ max: 18 }),
  one: fc.integer({ min: 1, max: 5 }),
  other: fc.integer({ min: 1, max: 8 }),
  third: fc.integer({ min: 1, max: 3 }),
});

const STEP: fc.Arbitrary<Step> = fc.record({
  lane: fc.nat({ max: LANES.length - 1 }),
  verb: fc.oneof(
    { weight: 12, arbitrary: fc.constant('write' as const) },
    { weight: 6, arbitrary: fc.constant('commit' as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step['verb']>('roll back', 'savepoint', 'back to savepoint', 'end'),
    },
  ),
  draw: DRAW,
});

const FATE = fc.record({ releasedCount: fc.constantFrom(0, 0, 1, 2, 100), isOldestFirst: fc.boolean() });

let attached: AutomaticFixture;
let plain: AutomaticFixture;
let clients: Client[];
let plainClients: Client[];

beforeAll(async () => {
  attached = await AutomaticFixture.open();
  plain = await AutomaticFixture.open();
  await attached.run(`${TABLES}; ${ATTACHED.map((table) => `select atone.attach('${table}')`).join('; ')}`);
  await plain.run(TABLES);
  clients = await Promise.all(LANES.map(() => attached.connect()));
  plainClients = await Promise.all(LANES.map(() => plain.connect()));
});

afterAll(async () => {
  await Promise.all([...clients, ...plainClients].map((client) => client.end()));
  await attached.close();
  await plain.close();
});

/** What such programs have found to be wrong. */
const FOUND: [Step[], Fate[]][] = [
  [
    [
      // The key of a child is changed, and then that of its parent: two cascades, the second on what the first has left.
      { lane: 1, verb: 'write', draw: { kind: 12, one: 1, other: 1, third: 1 } },
      { lane: 1, verb: 'write', draw: { kind: 5, one: 1, other: 5, third: 1 } },
    ],
    [{ releasedCount: 0, isOldestFirst: false }],
  ],
];

test('what global transactions and others wrote side by side ends as if what was undone had never run', async () => {
  await fc.assert(
    fc
      .asyncProperty(
        fc.array(STEP, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.array(FATE, { minLength: 1, maxLength: 4 }),
        async (steps, fates) => {
          const program = new Program(attached, clients, fates);

          await program.play(steps);

          await program.repeat(plainClients);
          expect(await attached.content()).toEqual(await plain.content());
          expect(await attached.rows('select from atone.image')).toEqual([]);
        },
      )
      .beforeEach(async () => {
        await Promise.all([...clients, ...plainClients].map((client) => client.query('rollback')));
        await attached.run(`truncate atone.image; ${SEED}`);
        await plain.run(SEED);
      }),
    // What has failed is told, though there is no time left to find a shorter program that fails.
    { numRuns: RUN_COUNT, examples: FOUND, interruptAfterTimeLimit: 45_000 },
  );
});
