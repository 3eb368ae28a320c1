import { expect, test } from '@jest/globals';
import { commandRecord, replyRecord, replyTo, type BranchCommand } from '@atone/protocol';
import { commandMessage, REPLY_TO, yesMessage } from './prototype.records.js';
import { begin, sagaOf, type RunningSaga } from './prototype.saga.js';
import { COMMANDS, REPLIES } from './wire.js';

const GID = '01a20550-9211-7000-9ac7-a7b35bbd5661';
const NOW = 1_795_385_496_094;
const ORIGIN = { source: '/coordinators/01a20550-9211-7000-9ac7-a7b35bbd5661', nowMs: NOW };

function begunSaga(): RunningSaga {
  const step = { name: 'first', service: 'bench', action: 'work', input: { amount: 1 } };
  const saga = sagaOf({ name: 'bench', steps: [step] }, { gid: GID, now: NOW, tell: () => undefined });
  begin(saga, NOW);
  return saga;
}

test('what the prototype asks is the record of the protocol', () => {
  const message = commandMessage(begunSaga(), NOW);

  const [topic = '', partition] = message.headers[REPLY_TO]?.split('/') ?? [];
  const place = { topic: COMMANDS, replyTo: { topic, partition: Number(partition) } };
  const { topic: _, ...record } = commandRecord(JSON.parse(message.value) as BranchCommand, place, ORIGIN);
  expect(message).toEqual(record);
});

test('what the participant of the prototype answers is the record of the protocol', () => {
  const command = JSON.parse(commandMessage(begunSaga(), NOW).value) as BranchCommand;

  const { topic: _, ...record } = replyRecord(
    replyTo(command, { outcome: 'done', output: null }),
    { topic: REPLIES, partition: 7 },
    { ...ORIGIN, source: '/services/bench' },
  );
  expect(yesMessage(command, `${REPLIES}/7`)).toEqual(record);
});
