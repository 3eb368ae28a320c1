import { expect, test } from '@jest/globals';
import { MultipleErrors, ResponseError, UserError } from '@platformatic/kafka';
import { PartlyStoredError } from '../stored.places.js';
import { brokerCodes, storedPlaces } from './platformatic.errors.js';

const NOT_ENOUGH_REPLICAS = 19;

test('partitions that have their records are known though others of their broker have failed, and other brokers', () => {
  const answered = new ResponseError(
    0,
    11,
    { '/responses/0/partition_responses/1': [NOT_ENOUGH_REPLICAS, null] },
    {
      responses: [
        {
          name: 'orders',
          partitionResponses: [
            { index: 4, errorCode: 0 },
            { index: 5, errorCode: NOT_ENOUGH_REPLICAS },
          ],
        },
      ],
    },
  );
  const error = Object.assign(new MultipleErrors('Producing messages failed.', [answered]), {
    produced: { offsets: [{ topic: 'orders', partition: 1 }] },
  });

  expect(storedPlaces(error)).toEqual([
    { topic: 'orders', partition: 1 },
    { topic: 'orders', partition: 4 },
  ]);
  expect(brokerCodes(error)).toEqual(['NOT_ENOUGH_REPLICAS']);
});

test('nothing is known to be stored where no broker has answered', () => {
  expect(storedPlaces(new MultipleErrors('failed', [new Error('closed')]))).toEqual([]);
  expect(storedPlaces('what is that')).toEqual([]);
});

test('what a broker has answered for is stored, though it has not answered for all', () => {
  const stored = [{ topic: 'orders', partition: 1 }];

  expect(storedPlaces(new PartlyStoredError(stored, new Error('no word')))).toEqual(stored);
});

test('a topic that is not there any more is known by the words of the library', () => {
  const error = new MultipleErrors('failed', [new UserError('Unknown topic orders.')]);

  expect(brokerCodes(error)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION']);
});
