import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { titleOf } from './titles.js';
import type { NewOrder } from '../place-order.saga.js';

const COLUMNS = ['customer_id', 'ordered_on', 'quantity', 'amount_cents'] as const;
/** What a column of type integer holds. */
const INTEGER_MAX = 2_147_483_647;

/** The file of orders cannot be read, or says something else than orders. Nothing was ordered. */
export class BadPurchasesFileError extends Error {
  override readonly name = 'BadPurchasesFileError';
  readonly code = 'BAD_PURCHASES_FILE';
  readonly retryable = false;

  constructor(
    readonly path: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`The file of orders ${path} cannot be used: ${why}.`, options);
  }
}

/**
 * Returns the orders in the CSV file at `path`, one for each row; the number of an order is the number of its row.
 *
 * @throws BadPurchasesFileError naming the first line that is wrong.
 */
export async function readPurchases(path: string): Promise<NewOrder[]> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  const orders: NewOrder[] = [];
  let lineNo = 0;
  try {
    for await (const line of lines) {
      lineNo += 1;
      if (lineNo === 1) {
        checkHeader(path, line);
      } else if (line !== '') {
        orders.push(readRow(line, { path, lineNo, orderNo: orders.length + 1 }));
      }
    }
  } catch (error) {
    throw error instanceof BadPurchasesFileError ? error : unreadable(path, error);
  }
  if (orders.length === 0) {
    throw new BadPurchasesFileError(path, 'it holds no orders');
  }
  return orders;
}

function checkHeader(path: string, line: string): void {
  const header = line.replace(/^\uFEFF/u, '');
  if (header !== COLUMNS.join(',')) {
    throw new BadPurchasesFileError(
      path,
      `line 1 must be '${COLUMNS.join(',')}', and is '${excerpt(header)}'`,
    );
  }
}

interface Spot {
  readonly path: string;
  readonly lineNo: number;
  readonly orderNo: number;
}

function readRow(line: string, spot: Spot): NewOrder {
  const cells = line.split(',');
  const [customer = '', orderedOn = '', quantity = '', amount = ''] = cells;
  if (cells.length !== COLUMNS.length) {
    throw wrong(spot, `has ${cells.length} columns instead of ${COLUMNS.length}: '${excerpt(line)}'`);
  }
  if (!/^\d{4}-\d{2}-\d{2}$/u.test(orderedOn) || Number.isNaN(Date.parse(orderedOn))) {
    throw wrong(spot, `has '${excerpt(orderedOn)}' as its ordered_on, which is no date like 1997-01-31`);
  }
  return {
    orderNo: spot.orderNo,
    customerId: readInteger(customer, { ...spot, column: 'customer_id', min: 1 }),
    title: titleOf(spot.orderNo),
    quantity: readInteger(quantity, { ...spot, column: 'quantity', min: 1 }),
    amountCents: readInteger(amount, { ...spot, column: 'amount_cents', min: 0 }),
  };
}

function readInteger(cell: string, spot: Spot & { readonly column: string; readonly min: number }): number {
  const value = /^\d{1,10}$/u.test(cell) ? Number(cell) : Number.NaN;
  if (value >= spot.min && value <= INTEGER_MAX) {
    return value;
  }
  throw wrong(
    spot,
    `has '${excerpt(cell)}' as its ${spot.column}, which must be a whole number from ${spot.min} to ${INTEGER_MAX}`,
  );
}

function wrong({ path, lineNo }: Spot, why: string): BadPurchasesFileError {
  return new BadPurchasesFileError(path, `line ${lineNo} ${why}`);
}

function unreadable(path: string, cause: unknown): BadPurchasesFileError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  const whys: Record<string, string> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a folder',
    EACCES: 'you may not read it',
  };
  return new BadPurchasesFileError(path, whys[String(code)] ?? String(cause), { cause });
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
