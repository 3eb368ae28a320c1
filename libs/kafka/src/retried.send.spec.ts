import { expect, test } from '@jest/globals';
import { KafkaSendError, type SendFailure } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';
import { sendWithRetries } from './retried.send.js';

const [ONE, TWO] = ['one', 'two'].map((value) => ({ topic: 'atone.dead', key: 'k', value, headers: {} })) as [
  OutgoingRecord,
  OutgoingRecord,
];

/** Returns a client that does not take the last record of each of the first calls, and what it was given. */
function clientThatFails(...failures: readonly SendFailure[]) {
  const calls: (readonly OutgoingRecord[])[] = [];
  const send = async (records: readonly OutgoingRecord[]): Promise<void> => {
    const failure = failures[calls.length];
    calls.push(records);
    await Promise.resolve();
    if (failure !== undefined) {
      throw new KafkaSendError(failure, records.slice(-1));
    }
  };
  return { calls, send };
}

test('what no broker took in time is handed over again, and nothing else', async () => {
  const client = clientThatFails('unreachable');

  await sendWithRetries(client, [ONE, TWO]);

  expect(client.calls).toEqual([[ONE, TWO], [TWO]]);
});

test('what the brokers refuse is handed over once', async () => {
  const client = clientThatFails('refused');

  await expect(sendWithRetries(client, [ONE])).rejects.toMatchObject({ failure: 'refused' });

  expect(client.calls).toEqual([[ONE]]);
});

test('what no broker takes for long is given up, so that others have their turn', async () => {
  const client = clientThatFails('unreachable', 'unreachable', 'unreachable');

  await expect(sendWithRetries(client, [ONE])).rejects.toMatchObject({ failure: 'unreachable' });

  expect(client.calls).toHaveLength(3);
});
