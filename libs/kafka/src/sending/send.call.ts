import { KafkaSendError, type SendFailure } from '../kafka.error.js';
import type { OutgoingRecord } from '../kafka.port.js';

/** A record on its way. */
export interface Waiting<Kind extends OutgoingRecord = OutgoingRecord> {
  /** As it was handed over. */
  readonly record: OutgoingRecord;
  /** As it is sent. */
  placed: Kind;
  readonly call: SendCall;
  /** When its first try began. */
  turnAt: number | undefined;
  /** Whether it may be stored by a try of which nobody knows what became. What a later one is told cannot undo that. */
  isMaybeStored: boolean;
}

/** One call of `send`, which ends when each of its records is stored or has failed. */
class SendCall {
  private readonly failed: KafkaSendError[] = [];

  constructor(
    private waitingCount: number,
    private readonly resolve: () => void,
    private readonly reject: (error: KafkaSendError) => void,
  ) {}

  /** Takes notice of the end of one of its records. */
  end(error?: KafkaSendError): void {
    if (error !== undefined) {
      this.failed.push(error);
    }
    this.waitingCount -= 1;
    if (this.waitingCount === 0) {
      this.settle();
    }
  }

  private settle(): void {
    if (this.failed.length === 0) {
      this.resolve();
    } else {
      this.reject(together(this.failed));
    }
  }
}

/** Hands records over. @throws {KafkaSendError} about those which are not known to be stored */
export async function calling(
  records: readonly OutgoingRecord[],
  push: (waiting: readonly Waiting[]) => void,
): Promise<void> {
  if (records.length > 0) {
    await new Promise<void>((resolve, reject) => {
      const call = new SendCall(records.length, resolve, reject);
      push(
        records.map((record) => ({ record, placed: record, call, turnAt: undefined, isMaybeStored: false })),
      );
    });
  }
}

/** Tells of records that are stored. */
export function succeed(waiting: readonly Waiting[]): void {
  waiting.forEach(({ call }) => call.end());
}

/** Tells of records that are not known to be stored. */
export function fail(waiting: readonly Waiting[], failure: SendFailure, cause?: unknown): void {
  for (const { record, call, isMaybeStored } of waiting) {
    call.end(
      new KafkaSendError(failure, [record], {
        cause,
        isMaybeStored: isMaybeStored || failure === 'unreachable',
      }),
    );
  }
}

/** What is least certain is told first. */
const ORDER: readonly SendFailure[] = ['unreachable', 'refused', 'no-topic', 'too-large'];

function together(failed: readonly KafkaSendError[]): KafkaSendError {
  const failure = ORDER.find((kind) => failed.some((error) => error.failure === kind)) ?? 'unreachable';
  const records = failed.flatMap((error) => error.records);
  const cause = failed.find((error) => error.failure === failure)?.cause;
  return new KafkaSendError(failure, records, {
    cause,
    isMaybeStored: failed.some(({ isMaybeStored }) => isMaybeStored),
  });
}
