import { KafkaClosedError, KafkaSendError } from './kafka.error.js';
import type { OutgoingRecord } from './kafka.port.js';
import { RecordLane } from './sending/record.lane.js';
import { calling, fail, succeed, type Waiting } from './sending/send.call.js';

/** Stores records by one request. @throws {KafkaSendError} about all of them, though some may be stored. */
export type Produce = (records: readonly OutgoingRecord[]) => Promise<void>;

/**
 * Gathers sends: those of one turn go by one request, and while a request is under way the next one fills.
 *
 * A record that is refused harms no other: what was refused as a whole is sent again in parts.
 */
export class SendLane {
  private readonly lane = new RecordLane(async (batch) => this.store(batch));
  private isClosed = false;

  constructor(private readonly produce: Produce) {}

  /** @throws {KafkaSendError} about those which are not known to be stored */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.isClosed) {
      throw new KafkaClosedError();
    }
    await calling(records, (waiting) => this.lane.push(waiting));
  }

  /** Takes no more, and waits for what was taken. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.lane.working;
  }

  private async store(batch: readonly Waiting[]): Promise<void> {
    const records = batch.map(({ record }) => record);
    try {
      await this.produce(records);
    } catch (error) {
      const { failure, cause } = asSendError(error, records);
      if (failure === 'unreachable' || batch.length === 1) {
        fail(batch, failure, cause);
      } else {
        await this.storeInParts(batch);
      }
      return;
    }
    succeed(batch);
  }

  private async storeInParts(batch: readonly Waiting[]): Promise<void> {
    for (const part of partsOf(batch)) {
      // oxlint-disable-next-line no-await-in-loop -- one request at a time keeps the order
      await this.store(part);
    }
  }
}

/** By topic first, for a topic's trouble is mostly that of all its records. */
function partsOf(batch: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const topics = [...new Set(batch.map(({ record }) => record.topic))];
  if (topics.length > 1) {
    return topics.map((topic) => batch.filter(({ record }) => record.topic === topic));
  }
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}

function asSendError(cause: unknown, records: readonly OutgoingRecord[]): KafkaSendError {
  return cause instanceof KafkaSendError ? cause : new KafkaSendError('unreachable', records, { cause });
}
