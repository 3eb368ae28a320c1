import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readPurchases } from './purchases.csv.js';
import { titleOf } from './titles.js';

const HEADER = 'customer_id,ordered_on,quantity,amount_cents';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'purchases-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(...lines: string[]): Promise<string> {
  const path = join(folder, `${(count += 1)}.csv`);
  await writeFile(path, lines.join('\n'));
  return path;
}

test('an order is numbered by its row, and repeated rows are orders all the same', async () => {
  const path = await file(HEADER, '4,1997-01-18,1,2973', '4,1997-01-18,1,2973', '');

  const orders = await readPurchases(path);

  expect(orders).toEqual([
    { orderNo: 1, customerId: 4, title: titleOf(1), quantity: 1, amountCents: 2_973 },
    { orderNo: 2, customerId: 4, title: titleOf(2), quantity: 1, amountCents: 2_973 },
  ]);
});

test('an order may be free of charge, and lines may end as on Windows', async () => {
  const path = await file(`\uFEFF${HEADER}\r`, '4,1997-01-18,2,0\r');

  const [order] = await readPurchases(path);

  expect(order).toMatchObject({ quantity: 2, amountCents: 0 });
});

describe('a file that holds something else is refused, with the line that is wrong:', () => {
  test.each([
    ['another header', ['customer,day', '1,2'], /line 1 must be 'customer_id,/u],
    ['a cell too few', [HEADER, '1,1997-01-18,1'], /line 2 has 3 columns instead of 4/u],
    [
      'no date',
      [HEADER, '1,1997-01-18,1,5', '1,1997-13-40,1,5'],
      /line 3 has '1997-13-40' as its ordered_on/u,
    ],
    ['nothing bought', [HEADER, '1,1997-01-18,0,5'], /line 2 has '0' as its quantity/u],
    ['a negative amount', [HEADER, '1,1997-01-18,1,-5'], /line 2 has '-5' as its amount_cents/u],
    ['an amount in dollars', [HEADER, '1,1997-01-18,1,5.00'], /line 2 has '5.00' as its amount_cents/u],
    ['a customer beyond all columns', [HEADER, '2147483648,1997-01-18,1,5'], /line 2 has '2147483648'/u],
    ['no orders', [HEADER], /it holds no orders/u],
    ['nothing', [], /it holds no orders|line 1/u],
  ])('%s', async (_what, lines, message) => {
    const path = await file(...lines);

    await expect(readPurchases(path)).rejects.toThrow(message);
  });

  test('no file at all', async () => {
    await expect(readPurchases(join(folder, 'absent.csv'))).rejects.toThrow('there is no such file');
  });
});
