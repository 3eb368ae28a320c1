import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { jsonArray, plainArray, textArray } from './array.literal.js';

let database: TestDatabase;
let connection: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  connection = new pg.Client({ connectionString: database.url });
  await connection.connect();
});

afterAll(async () => {
  await connection.end();
  await database.drop();
});

/** Returns the elements as the database has read them. */
async function readBack(type: string, literal: string): Promise<unknown[]> {
  const text = `select e::text as element from unnest($1::${type}[]) with ordinality as u (e, n) order by n`;
  const { rows } = await connection.query<{ element: string | null }>(text, [literal]);
  return rows.map(({ element }) => element);
}

/** PostgreSQL's text holds every character but one. */
const character = fc.oneof(
  fc.constantFrom('"', '\\', '{', '}', ',', ' ', '\n', '\t', '\u007f', '\u2028', 'ä', '😀'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).filter((one) => !one.includes('\0')),
);
const text = fc.oneof(fc.string({ unit: character }), fc.constantFrom('NULL', 'null', '', '\\', '"'));

test('texts arrive as they are, and what is missing as null', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text)), async (texts) => {
      expect(await readBack('text', textArray(texts))).toEqual(texts);
    }),
  );
});

test('an array of texts may hold arrays of texts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text), async (inner) => {
      const [literal] = await readBack('text', textArray([textArray(inner)]));

      expect(await readBack('text', String(literal))).toEqual(inner);
    }),
  );
});

test('documents arrive letter by letter', async () => {
  const query = `select e::text as element from json_array_elements($1::json) with ordinality as u (e, n) order by n`;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue({ noUnicodeString: false })), async (documents) => {
      const { rows } = await connection.query<{ element: string }>(query, [jsonArray(documents)]);

      expect(rows.map(({ element }) => element)).toEqual(
        documents.map((document) => JSON.stringify(document)),
      );
    }),
  );
});

test('numbers and truth values arrive, and what is missing as null', async () => {
  expect(await readBack('float8', plainArray([1, -2.5, undefined, 1e21]))).toEqual([
    '1',
    '-2.5',
    null,
    '1e+21',
  ]);
  expect(await readBack('boolean', plainArray([true, null, false]))).toEqual(['true', null, 'false']);
});
