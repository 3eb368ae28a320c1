import { SparingLog, type ReceivedRecord } from '@atone/kafka';
import type { Logger } from 'pino';
import { errorFacts } from './error.facts.js';
import type { KafkaConfiguration } from './kafka.configuration.js';

export interface KafkaLinesParts {
  readonly logger: Logger;
  readonly kafka: Pick<KafkaConfiguration, 'library' | 'prefix'>;
  readonly nowMs: () => number;
  readonly logId: string;
}

/** What the coordinator's own log tells of Kafka: few lines, however much comes at once. */
export class KafkaLines {
  private readonly warnings: SparingLog;
  private isTroubled = false;

  constructor(private readonly parts: KafkaLinesParts) {
    this.warnings = new SparingLog(parts.logger, parts.nowMs);
  }

  /** At the start, after each rebalance, and when the brokers are back. */
  reads(partitions: readonly number[]): void {
    if (partitions.length > 0) {
      const { library, prefix } = this.parts.kafka;
      this.parts.logger.info({ client: library, prefix, partitions }, 'replies over kafka are read');
    }
  }

  /** Something has come from the brokers. */
  hears(): void {
    if (this.isTroubled) {
      this.isTroubled = false;
      this.parts.logger.info('kafka answers again');
    }
  }

  /** Of brokers that are away the words are enough; of anything else, its place is needed as well. */
  trouble(error: unknown): void {
    const { code, message, name } = errorFacts(error);
    if (isOfBrokers({ name, code })) {
      const isTold = this.warnings.warn({ reason: message }, 'trouble with kafka, trying again');
      this.isTroubled ||= isTold;
    } else {
      this.warnings.warn({ error }, 'trouble with kafka');
    }
  }

  dead({ topic, partition, offset }: ReceivedRecord, reason: string): void {
    const place = { topic, partition, offset: String(offset) };
    this.warnings.warn({ ...place, reason }, 'a record was put with the dead letters');
  }

  other({ topic, partition, offset, headers }: ReceivedRecord, otherLogId: string): void {
    const { logId, kafka } = this.parts;
    const reason =
      `It comes from a service of the log ${otherLogId}, and this coordinator keeps the log ${logId}. ` +
      `Two installations use the prefix '${kafka.prefix}' at one Kafka, and need two: ATONE_KAFKA_PREFIX.`;
    const place = { topic, partition, offset: String(offset), source: headers['ce_source'] };
    this.warnings.warn({ ...place, reason }, 'a reply came from another installation');
  }
}

/** Whether an error is Atone's own about Kafka, or one of the client libraries, of which some are plain. */
function isOfBrokers({ name, code }: { readonly name: string; readonly code: unknown }): boolean {
  return name === 'Error' || name.startsWith('KafkaJS') || /^(?:KAFKA|PLT_KFK)_/u.test(String(code));
}
