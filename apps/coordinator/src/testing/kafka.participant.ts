import type { BranchReply } from '@atone/core';
import type { KafkaClient } from '@atone/kafka';
import {
  readCommandRecord,
  replyRecord,
  replyTo,
  type BranchCommand,
  type ReplyPlace,
} from '@atone/protocol';

/** A command that waits for its answer, which goes to where it is waited for unless a test says otherwise. */
export interface AskedCommand {
  readonly command: BranchCommand;
  readonly replyPlace: ReplyPlace;
  readonly answer: (reply: BranchReply, place?: ReplyPlace) => Promise<void>;
}

/** Takes commands from a topic, and has each of them answered as `onCommand` likes. */
export async function startKafkaParticipant(
  client: KafkaClient,
  topic: string,
  onCommand: (asked: AskedCommand) => void,
): Promise<void> {
  await client.createTopics([{ name: topic, partitionCount: 2, replicationFactor: 1 }]);
  await client.subscribe({
    groupId: `${topic}.group`,
    topics: [topic],
    from: 'earliest',
    onBatch: async ({ records }) => {
      for (const record of records) {
        const read = readCommandRecord(record, { keys: [], nowMs: record.timestamp }, 'atone');
        if (read.type === 'command') {
          onCommand(askedOf(client, read));
        }
      }
    },
  });
}

function askedOf(
  client: KafkaClient,
  { command, replyTo: replyPlace }: { readonly command: BranchCommand; readonly replyTo: ReplyPlace },
): AskedCommand {
  const source = `/services/${command.service}`;
  return {
    command,
    replyPlace,
    answer: async (reply, place = replyPlace) =>
      client.send([replyRecord(replyTo(command, reply), place, { source, nowMs: command.issuedAt })]),
  };
}
