import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract } from './contract.js';
import { readInput, replyJson } from './payload.js';

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

test('a reply may nest as deeply as a coordinator reads, and no deeper', () => {
  expect(replyJson(nested(32), 'what stock.reserve returned')).toEqual(nested(32));
  expect(() => replyJson(nested(33), 'what stock.reserve returned')).toThrow(
    'There are more than 32 levels of nesting in what stock.reserve returned.',
  );
});

test('a reply that is too large names its size and the remedy', () => {
  expect(() => replyJson('x'.repeat(60_000), 'what stock.reserve returned')).toThrow(
    'There are 60002 octets of JSON in what stock.reserve returned, and 60000 are the limit.',
  );
});

test('a schema that has to wait is asked once for what fits, and words come for what does not', async () => {
  const asked: string[] = [];
  const known = z.string().refine(async (sku) => {
    asked.push(sku);
    await Promise.resolve();
    return sku === 'a';
  }, 'is not known');
  const { order } = contract('shop', {
    order: action({ input: z.object({ sku: known }), output: z.null() }),
  });

  const input = await readInput(order, { sku: 'a' });

  expect([input, asked]).toEqual([{ sku: 'a' }, ['a']]);
  await expect(Promise.resolve(readInput(order, { sku: 'b' }))).rejects.toThrow('/sku: is not known');
});
