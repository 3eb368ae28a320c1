import { SparingLog, type ReceivedRecord } from '@atone/kafka';

/** Where a service tells how it goes with Kafka. */
export interface KafkaLog {
  warn(fields: object, message: string): void;
  /** Told when records are read, at the start and when the brokers are back. */
  info?(fields: object, message: string): void;
}

export interface KafkaLinesOptions {
  readonly log: KafkaLog | undefined;
  readonly nowMs: () => number;
  readonly service: string;
  /** What is read. */
  readonly topic: string;
}

/** What the log of a service tells of Kafka: few lines, however much comes at once. */
export class KafkaLines {
  private readonly warnings: SparingLog;
  private isTroubled = false;

  constructor(private readonly options: KafkaLinesOptions) {
    this.warnings = new SparingLog(options.log, options.nowMs);
  }

  reads(partitions: readonly number[]): void {
    if (partitions.length > 0) {
      const { log, service, topic } = this.options;
      log?.info?.({ service, topic, partitions }, 'reads what Kafka brings');
    }
  }

  /** Something has come from the brokers. */
  hears(): void {
    if (this.isTroubled) {
      this.isTroubled = false;
      const { log, service, topic } = this.options;
      log?.info?.({ service, topic }, 'Kafka answers again');
    }
  }

  trouble(error: unknown, what = 'what Kafka brings'): void {
    const { service, topic } = this.options;
    const message = error instanceof Error ? error.message : String(error);
    const isTold = this.warnings.warn({ service, topic, error: message }, `trouble with ${what}`);
    this.isTroubled ||= isTold;
  }

  dead(record: ReceivedRecord, reason: string): void {
    this.warnings.warn(this.placeOf(record, reason), 'a record was put with the dead letters');
  }

  other(record: ReceivedRecord, reason: string): void {
    const message = 'commands of another installation are not carried out';
    this.warnings.warn(this.placeOf(record, reason), message);
  }

  private placeOf({ topic, partition, offset }: ReceivedRecord, reason: string): object {
    return { service: this.options.service, topic, partition, offset: String(offset), reason };
  }
}
