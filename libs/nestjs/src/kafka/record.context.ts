import type { ReceivedRecord } from '@atone/kafka';
import { MisuseError } from '@atone/participant';
import { KafkaContext } from '@nestjs/microservices';

/** A message as Nest's own transport gives it to its parser. */
export interface NestMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
  readonly attributes: number;
}

export function nestMessage(record: ReceivedRecord): NestMessage {
  const { topic, partition, offset, key = null, value = null, headers, timestamp } = record;
  return {
    topic,
    partition,
    offset: String(offset),
    key,
    value,
    headers,
    timestamp: String(timestamp),
    attributes: 0,
  };
}

type Args = ConstructorParameters<typeof KafkaContext>[0];

/** What handlers know of a message. There is no consumer and no producer of kafkajs behind it. */
export class RecordContext extends KafkaContext {
  constructor(message: NestMessage) {
    const { partition, topic } = message;
    const args: readonly unknown[] = [message, partition, topic, undefined, heartbeat, undefined];
    super(args as unknown as Args);
  }

  override getConsumer(): never {
    throw new MisuseError(
      'A message that AtoneKafkaServer has brought has no consumer: its place is committed when its handler has returned. A handler that ' +
        'wants it again throws a KafkaRetriableException.',
    );
  }

  override getProducer(): never {
    throw new MisuseError(
      'A message that AtoneKafkaServer has brought has no producer. Send by a client of your own.',
    );
  }
}

/** Kafka is told by itself that this process is alive. */
async function heartbeat(): Promise<void> {
  await Promise.resolve();
}
