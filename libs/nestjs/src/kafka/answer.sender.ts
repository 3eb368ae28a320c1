import type { KafkaClient, OutgoingRecord } from '@atone/kafka';
import type { ServiceLog } from '@atone/participant';
import type { WritePacket } from '@nestjs/microservices';
import { answerRecord, type AnswerPlace, type SerializedAnswer } from './answer.record.js';

export interface AnswerSenderOptions {
  readonly client: Pick<KafkaClient, 'send'>;
  readonly serialize: (response: unknown) => SerializedAnswer | Promise<SerializedAnswer>;
  readonly log: Pick<ServiceLog, 'warn'>;
}

/** Each waits some seconds for the brokers. */
const ATTEMPT_MAX = 3;

const TOO_LARGE = { status: 'error', message: 'The answer is larger than its topic takes.' };

/** Answers messages. */
export class AnswerSender {
  constructor(private readonly options: AnswerSenderOptions) {}

  /** Resolves when the answer is stored. What cannot be is told to the log: its sender does not wait for ever. */
  async answer(packet: WritePacket, place: AnswerPlace): Promise<void> {
    const { log, serialize } = this.options;
    try {
      const record = answerRecord(await serialize(packet.response), packet, place);
      await this.store(record, place);
    } catch (error) {
      const { topic, partition } = place;
      log.warn(
        { topic, partition, error: error instanceof Error ? error.message : error },
        'an answer was lost',
      );
    }
  }

  private async store(record: OutgoingRecord, place: AnswerPlace): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
        await this.options.client.send([record]);
        return;
      } catch (error) {
        const { failure, retryable } = error as { readonly failure?: string; readonly retryable?: boolean };
        if (failure === 'too-large' && attempt === 1) {
          record = answerRecord({}, { err: TOO_LARGE, isDisposed: true }, place);
        } else if (retryable !== true || attempt >= ATTEMPT_MAX) {
          throw error;
        }
      }
    }
  }
}
