import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { Environment } from './environment.js';

/** The token of the client; undefined where the environment names no brokers. */
export const KAFKA_CLIENT = Symbol('kafka.client');

/** Connects the service to Kafka, if there is one. */
@Module({})
export class KafkaModule implements OnApplicationShutdown {
  static forRoot({ kafka }: Pick<Environment, 'kafka'>, clientId: string): DynamicModule {
    const connect = async () => kafka && connectKafka({ ...kafka.connection, clientId }, kafka.library);
    return {
      module: KafkaModule,
      providers: [{ provide: KAFKA_CLIENT, useFactory: connect }],
      exports: [KAFKA_CLIENT],
    };
  }

  constructor(@Inject(KAFKA_CLIENT) private readonly client: KafkaClient | undefined) {}

  /** The last hook of a stop: in an earlier one Atone still answers what it has begun. */
  async onApplicationShutdown(): Promise<void> {
    await this.client?.close();
  }
}
