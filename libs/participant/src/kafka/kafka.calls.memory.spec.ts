import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryKafka } from '@atone/kafka/testing';
import { readCommandRecord, replyRecord, replyTo, type BranchCommand } from '@atone/protocol';
import { expect, test } from '@jest/globals';
import { createKafkaCalls } from './kafka.calls.js';

const COMMANDS = 'atone.commands.payments';
const PARTITIONS = { partitionCount: 1, replicationFactor: 1 };
const COUNT = 50;

function command(attempt: number): BranchCommand {
  return {
    gid: '0193d6c0-0000-7000-8000-000000000001',
    branchId: '1',
    op: 'action',
    round: 1,
    attempt,
    service: 'payments',
    action: 'hold',
    issuedAt: 1,
  };
}

/** Has each command answered at once. */
async function serve(kafka: MemoryKafka): Promise<void> {
  const client = kafka.client();
  await client.createTopics([{ name: COMMANDS, ...PARTITIONS }]);
  await client.subscribe({
    groupId: 'payments',
    topics: [COMMANDS],
    from: 'earliest',
    onBatch: async ({ records }) => {
      const answers = records.flatMap((record) => {
        const read = readCommandRecord(record, { keys: [], nowMs: 0 }, 'atone');
        const origin = { source: '/services/payments', nowMs: 0 };
        return read.type === 'command'
          ? [replyRecord(replyTo(read.command, { outcome: 'done', output: null }), read.replyTo, origin)]
          : [];
      });
      await client.send(answers);
    },
  });
}

/** Collects the garbage of this process. */
async function collect(): Promise<void> {
  await setImmediate();
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

test('the answers of calls over Kafka are kept by nothing but who has called', async () => {
  const kafka = new MemoryKafka();
  await serve(kafka);
  const calls = createKafkaCalls({ service: 'orders', client: kafka.client(), createTopics: PARTITIONS });
  const answers: WeakRef<object>[] = [];
  for (let attempt = 1; attempt <= COUNT; attempt += 1) {
    // oxlint-disable no-await-in-loop -- one call after the other
    const send = await calls.route(command(attempt), { topic: COMMANDS, replyTimeoutMs: 10_000 });
    answers.push(new WeakRef(await send()));
    // oxlint-enable no-await-in-loop
  }

  await collect();

  expect(answers).toHaveLength(COUNT);
  // The last one may still lie on a stack.
  expect(answers.filter((answer) => answer.deref() !== undefined).length).toBeLessThanOrEqual(1);
  await calls.close();
});
