import { isCommandsTopic, type ParticipantInstance } from '@atone/protocol';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Configuration } from '../configuration.js';
import { CONFIGURATION, LOGGER } from '../tokens.js';

type Entered = Pick<ParticipantInstance, 'instance' | 'baseUrl' | 'kafka'>;

/** Warns of services that take commands at topics where this coordinator sends none: most often the prefixes are not the same. */
@Injectable()
export class TopicWatch {
  /** By service: of which topic was told last, so that each renewal does not tell it again. */
  private readonly told = new Map<string, string>();

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'kafka'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Returns what whoever has entered itself is to be told as well, in letters that a header may hold; undefined while all is well. */
  look(service: string, { instance, baseUrl, kafka }: Entered): string | undefined {
    const topic = kafka?.topic;
    const reason = topic === undefined ? undefined : this.reasonOf(topic, baseUrl !== undefined);
    if (topic === undefined || reason === undefined) {
      this.told.delete(service);
      return undefined;
    }
    if (this.told.get(service) !== topic) {
      this.told.set(service, topic);
      this.logger.warn(
        { service, instance, topic, reason },
        'an instance takes commands at a topic that nothing is sent to',
      );
    }
    return reason;
  }

  private reasonOf(topic: string, isReachedOtherwise: boolean): string | undefined {
    const prefix = this.configuration.kafka?.prefix;
    if (prefix === undefined) {
      return isReachedOtherwise
        ? undefined
        : `It takes commands over Kafka alone, at ${topic}, and this coordinator has no Kafka: set its ATONE_KAFKA_BROKERS.`;
    }
    return isCommandsTopic(prefix, topic)
      ? undefined
      : `It takes commands at ${topic}, and this coordinator's prefix is '${prefix}'. Give both the same: ATONE_KAFKA_PREFIX of ` +
          'the coordinators, and the prefix of the service.';
  }
}
