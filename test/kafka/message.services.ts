import 'reflect-metadata';
import { InjectClient, type ServiceClient } from '@atone/nestjs';
import { Controller, Module, type DynamicModule } from '@nestjs/common';
import {
  ClientsModule,
  Ctx,
  KafkaContext,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type KafkaOptions,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { rooms } from '../harness/led.contracts.js';
import { roomsModule, tripsModule, type LedServiceSettings } from '../harness/led.services.js';
import { FETCH_WAIT_MS, newName } from './kafka.client.js';

/** The topics that services listen to. Answers go to `<topic>.reply`. */
export const TOPICS = { parties: newName('parties'), echo: newName('echo') };

/** Where the initiator has its client. */
export const KAFKA_CLIENT = 'kafka-client';

export interface Party {
  readonly rooms: readonly string[];
  /** Why it is called off when all rooms are held. */
  readonly calledOff?: string;
}

/** Takes messages, and knows nothing of transactions. */
@Controller()
class PartyMessages {
  constructor(@InjectClient(rooms) private readonly ownRooms: ServiceClient<typeof rooms>) {}

  @MessagePattern(TOPICS.parties)
  async book({ calledOff, rooms: wanted }: Party): Promise<{ readonly count: number }> {
    await Promise.all(wanted.map(async (room) => this.ownRooms.hold({ room })));
    if (calledOff !== undefined) {
      throw new RpcException(calledOff);
    }
    return { count: wanted.length };
  }
}

/** What a receiver has seen of a message. */
export interface Echo {
  readonly payload: unknown;
  /** Not `key`: Nest would take the answer for a message. */
  readonly keyed: unknown;
  readonly headers: readonly string[];
}

@Controller()
class EchoMessages {
  @MessagePattern(TOPICS.echo)
  echo(@Payload() payload: unknown, @Ctx() context: KafkaContext): Echo {
    const { headers = {}, key } = context.getMessage();
    return { payload, keyed: key, headers: Object.keys(headers) };
  }
}

/** A service without Atone. */
@Module({ controllers: [EchoMessages] })
export class EchoModule {}

/** The service that holds rooms, and takes messages. */
export function partiesModule(settings: LedServiceSettings): DynamicModule {
  return { ...roomsModule(settings), controllers: [PartyMessages] };
}

/** The service that leads, with a client that AtoneModule finds by itself. */
export function leadingModule(
  settings: LedServiceSettings & { readonly brokers: readonly string[] },
): DynamicModule {
  const client = { name: KAFKA_CLIENT, ...kafkaOptions('trips', settings.brokers) };
  const trips = tripsModule(settings);
  return { ...trips, imports: [...(trips.imports ?? []), ClientsModule.register([client])] };
}

/** How the services of a world listen. */
export type Listening = (service: string, brokers: readonly string[]) => MicroserviceOptions;

/** How a service listens to Kafka, or calls by it, in a group that nobody else is in. */
export function kafkaOptions(service: string, brokers: readonly string[]): KafkaOptions {
  return {
    transport: Transport.KAFKA,
    options: {
      // The first group of a new broker waits for what keeps its offsets.
      client: { clientId: service, brokers: [...brokers], retry: { initialRetryTime: 100, retries: 30 } },
      consumer: { groupId: newName(service), maxWaitTimeInMs: FETCH_WAIT_MS },
      // Else what comes before the first fetch would be missed.
      subscribe: { fromBeginning: true },
    },
  };
}
