import type { KafkaClient, OutgoingRecord } from '@atone/kafka';
import { NotConnectedError } from '../client.ports.js';
import { MisuseError } from '../participant.error.js';

interface Departure {
  readonly record: OutgoingRecord;
  readonly leaveBy: number;
  readonly settle: (trouble?: Error) => void;
}

/**
 * Sends commands that come at once together, and no other batch while one is under way. So what has to wait is still here, where it can
 * be held back.
 */
export class CallOutbox {
  private waiting: Departure[] = [];
  private sending: Promise<void> | undefined;

  constructor(
    private readonly client: Pick<KafkaClient, 'send'>,
    private readonly ports: {
      readonly nowMs: () => number;
      readonly onIdle?: (() => void) | undefined;
    },
  ) {}

  /** Whether what is sent next would leave at once. */
  get isIdle(): boolean {
    return this.sending === undefined;
  }

  /** Resolves when what is sent next would leave at once. */
  async idle(): Promise<void> {
    while (this.sending !== undefined) {
      // oxlint-disable-next-line no-await-in-loop -- others may have been first
      await this.sending;
    }
  }

  /**
   * Resolves when the brokers have the record. What could not be handed to the client before `leaveBy` never is.
   *
   * @throws NotConnectedError when it has certainly not left. @throws Error when nobody knows.
   */
  async send(record: OutgoingRecord, leaveBy: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (trouble?: Error): void => (trouble === undefined ? resolve() : reject(trouble));
      this.waiting.push({ record, leaveBy, settle });
      this.sending ??= this.work();
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other
      await this.sendBatch();
    }
    this.sending = undefined;
    this.ports.onIdle?.();
  }

  private async sendBatch(): Promise<void> {
    // What is added in the same breath goes along.
    await Promise.resolve();
    const nowMs = this.ports.nowMs();
    const [late, batch] = [
      this.waiting.filter(({ leaveBy }) => leaveBy <= nowMs),
      this.waiting.filter(({ leaveBy }) => leaveBy > nowMs),
    ];
    this.waiting = [];
    late.forEach(({ settle }) => settle(new NotConnectedError(LATE)));
    if (batch.length === 0) {
      return;
    }
    const trouble = await this.troubleWith(batch.map(({ record }) => record));
    batch.forEach(({ record, settle }) => settle(trouble && troubleOf(trouble, record)));
  }

  private async troubleWith(records: readonly OutgoingRecord[]): Promise<SendTrouble | undefined> {
    try {
      await this.client.send(records);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

const LATE = 'its time was over before Kafka had taken what was sent before it';

/** What is read of errors of `@atone/kafka`. */
interface SendTrouble extends Error {
  readonly code?: string;
  readonly failure?: string;
  readonly isMaybeStored?: boolean;
  /** Which ones it is about. The others are stored. */
  readonly records?: readonly OutgoingRecord[];
}

function troubleOf(error: SendTrouble, record: OutgoingRecord): Error | undefined {
  const { code, failure, isMaybeStored, records, message } = error;
  if (records?.includes(record) === false) {
    return undefined;
  }
  if (failure === 'too-large') {
    return new NotConnectedError(message, { cause: new MisuseError(message, { cause: error }) });
  }
  return isMaybeStored === false || code === 'KAFKA_CLOSED'
    ? new NotConnectedError(message, { cause: error })
    : error;
}
