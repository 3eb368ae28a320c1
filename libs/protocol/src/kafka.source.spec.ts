import { expect, test } from '@jest/globals';
import { coordinatorSource, logIdOf, serviceSource } from './kafka.source.js';

const LOG = '019b7700-3c5e-4d2a-9f10-2f6f2f0f8a11';

test.each([
  ['a coordinator', coordinatorSource('7f3a', LOG), LOG],
  ['a service', serviceSource('stock.eu', LOG), LOG],
  ['a coordinator of a former version', coordinatorSource('7f3a'), undefined],
  ['a service that does not know its log', serviceSource('stock'), undefined],
  ['somebody else', 'https://example.test/logs/7/services/stock', undefined],
])('a record of %s tells the log that it belongs to, or none', (_who, source, logId) => {
  expect(logIdOf({ headers: { ce_source: source } })).toBe(logId);
});

test('a record without a source belongs to no log that anybody knows', () => {
  expect(logIdOf({ headers: {} })).toBeUndefined();
});
