import type { BranchReply } from '@atone/core';
import type { KafkaClient } from '@atone/kafka';
import { readCommandRecord, replyRecord, replyTo, type BranchCommand } from '@atone/protocol';

/** Takes commands from a topic, and answers each as `answer` says. */
export async function startKafkaParticipant(
  client: KafkaClient,
  topic: string,
  answer: (command: BranchCommand) => Promise<BranchReply>,
): Promise<void> {
  await client.createTopics([{ name: topic, partitionCount: 2, replicationFactor: 1 }]);
  await client.subscribe({
    groupId: `${topic}.group`,
    topics: [topic],
    from: 'earliest',
    onBatch: async ({ records }) => {
      const answers = records.map(async (record) => {
        const read = readCommandRecord(record, { keys: [], nowMs: record.timestamp }, 'atone');
        if (read.type !== 'command') {
          return [];
        }
        const reply = replyTo(read.command, await answer(read.command));
        const origin = { source: `/services/${read.command.service}`, nowMs: Date.now() };
        return [replyRecord(reply, read.replyTo, origin)];
      });
      await client.send((await Promise.all(answers)).flat());
    },
  });
}
