import { expect, test } from '@jest/globals';
import { plainWaitQuery, waitQuerySchema } from './request.schemas.js';

test.each(['0ms', '500ms', '30s', '1m', '60s', '60000ms'])(
  'a wait of %s is read by hand as by the schema',
  (wait) => {
    expect(waitQuerySchema.safeParse({ wait })).toEqual({ success: true, data: plainWaitQuery({ wait }) });
  },
);

test.each([
  {},
  { wait: '61s' },
  { wait: '1h' },
  { wait: '' },
  { wait: '1s\n' },
  { wait: ['1s', '2s'] },
  { wait: '1s', more: '' },
  { wait: undefined },
  undefined,
  null,
  'wait',
])('a query is left to the schema where it is not a wait alone: %j', (query) => {
  expect(plainWaitQuery(query)).toBeUndefined();
});
