import type { OutgoingRecord } from '@atone/kafka';
import { KafkaHeaders, type WritePacket } from '@nestjs/microservices';

/** Where an answer is waited for. */
export interface AnswerPlace {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly correlationId: string;
}

/** What Nest's serializers make of an answer. */
export interface SerializedAnswer {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
}

/** Returns where the sender of a message waits for its answer; undefined for an event. */
export function answerPlaceOf(headers: Readonly<Record<string, unknown>>): AnswerPlace | undefined {
  const topic = textOf(headers[KafkaHeaders.REPLY_TOPIC]);
  const correlationId = textOf(headers[KafkaHeaders.CORRELATION_ID]);
  const partition = Number.parseInt(textOf(headers[KafkaHeaders.REPLY_PARTITION]) ?? '', 10);
  return topic === undefined || correlationId === undefined
    ? undefined
    : { topic, correlationId, partition: partition >= 0 ? partition : undefined };
}

/** Returns an answer as Nest's ClientKafka reads it. */
export function answerRecord(
  { key, value, headers }: SerializedAnswer,
  { err, isDisposed }: Pick<WritePacket, 'err' | 'isDisposed'>,
  { topic, partition, correlationId }: AnswerPlace,
): OutgoingRecord {
  const own = Object.entries(headers ?? {}).map(([name, header]) => [name, textOf(header) ?? '']);
  return {
    topic,
    partition,
    // Where no partition is named, answers spread.
    key: textOf(key) ?? (partition === undefined ? correlationId : ''),
    value: textOf(value),
    headers: {
      ...(Object.fromEntries(own) as Record<string, string>),
      [KafkaHeaders.CORRELATION_ID]: correlationId,
      ...(err ? { [KafkaHeaders.NEST_ERR]: textOf(err) ?? '' } : {}),
      ...(isDisposed === true ? { [KafkaHeaders.NEST_IS_DISPOSED]: '\u0000' } : {}),
    },
  };
}

/** Records hold texts. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') {
    return value ?? undefined;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString();
  }
  return JSON.stringify(value);
}
