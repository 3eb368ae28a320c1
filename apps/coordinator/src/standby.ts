import type { Catalogue, TransactionLog } from '@atone/engine';
import { partitionsCommand, type KafkaClient } from '@atone/kafka';
import { repliesTopic } from '@atone/protocol';
import type { Logger } from 'pino';
import { errorFacts } from './error.facts.js';
import type { KafkaConfiguration } from './kafka.configuration.js';

export interface StandbyParts {
  /** Undefined where there are no brokers; then it never stands by. */
  readonly kafka: KafkaConfiguration | undefined;
  readonly client: Pick<KafkaClient, 'partitionCounts'> | undefined;
  readonly catalogue: Pick<Catalogue, 'services' | 'instancesOf'>;
  readonly log: Pick<TransactionLog, 'instances'>;
  readonly logger: Logger;
}

/**
 * Knows whether this coordinator stands by: it has no partition of the replies left to read, so that none of its commands would
 * leave by Kafka, and there are services that are reached no other way. Where all are reached over HTTP as well it goes on by that.
 */
export class Standby {
  private isSpare = false;
  /** How it came to that, as far as anybody could tell. */
  private counts = '';
  private remedy = 'Run fewer coordinators, or add partitions.';

  constructor(private readonly parts: StandbyParts) {}

  /** A sentence for who is refused something, and for whoever runs the coordinators; undefined while it does not stand by. */
  get reason(): string | undefined {
    const { kafka } = this.parts;
    if (!this.isSpare || kafka === undefined || !this.isKafkaNeeded()) {
      return undefined;
    }
    const topic = repliesTopic(kafka.prefix);
    return (
      `This coordinator stands by and takes nothing on: others read all partitions of ${topic}${this.counts}. ` +
      `Ask another one. ${this.remedy}`
    );
  }

  /** Takes note that others read all partitions, or no more. */
  async becomesSpare(isSpare: boolean): Promise<void> {
    const { logger } = this.parts;
    this.isSpare = isSpare;
    if (isSpare) {
      await this.look();
      logger.warn({ reason: this.reason }, 'no partition of the replies is left for this coordinator');
    } else {
      logger.info('this coordinator reads a partition of the replies again');
    }
  }

  private isKafkaNeeded(): boolean {
    const { catalogue } = this.parts;
    const instances = catalogue.services().flatMap((service) => catalogue.instancesOf(service));
    return instances.some(({ kafka, baseUrl }) => kafka !== undefined && baseUrl === undefined);
  }

  private async look(): Promise<void> {
    const { client, kafka, log, logger } = this.parts;
    if (client === undefined || kafka === undefined) {
      return;
    }
    const { connection, prefix, partitionCount: wantedCount } = kafka;
    const topic = repliesTopic(prefix);
    try {
      const [partitions, instances] = await Promise.all([client.partitionCounts([topic]), log.instances()]);
      const partitionCount = partitions.get(topic) ?? 0;
      const coordinatorCount = instances.filter(({ isLive }) => isLive).length;
      const enough = Math.max(wantedCount, coordinatorCount, partitionCount + 1);
      this.counts = `, which has ${partitionCount} for ${coordinatorCount} coordinators`;
      this.remedy = `Run fewer coordinators, or add partitions: ${partitionsCommand(connection.brokers, topic, enough)}`;
    } catch (error) {
      logger.warn({ reason: errorFacts(error).message }, 'nobody tells how many partitions there are');
    }
  }
}
