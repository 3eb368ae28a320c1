import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { KafkaLibraryName } from '@atone/kafka/connect';
import type pg from 'pg';
import { CoordinatorProcess } from '../coordinator.process.js';
import type { Ground } from '../ground.js';
import type { KafkaParticipantSettings } from '../kafka/kafka.participant.js';
import { LogMeter } from '../log.meter.js';
import { SagaClient, type ParticipantPlace } from '../saga.client.js';
import { NO_OP_PARTICIPANT } from '../saga.load.js';

/** How commands travel: over HTTP, or over Kafka by one client library or another. */
export type Way = 'http' | KafkaLibraryName;

/** A coordinator among others. */
export interface FleetMember {
  readonly process: CoordinatorProcess;
  readonly client: SagaClient;
  /** By which its rows name it. */
  readonly instanceId: string;
}

const KAFKA_PARTICIPANT = new URL('../kafka/kafka.participant.js', import.meta.url);

const NEWEST_INSTANCE = `select instance_id from atone.instance order by started_at desc limit 1`;

/** Coordinators that share a log, and participants that say yes to everything. */
export class Fleet {
  readonly log: LogMeter;

  private constructor(
    private readonly ground: Ground,
    private readonly way: Way,
    private readonly base: { readonly databaseUrl: string; readonly database: pg.Client },
  ) {
    this.log = new LogMeter(base.database);
  }

  /** Starts one coordinator and one participant, and returns the coordinator beside the fleet. */
  static async start(
    ground: Ground,
    way: Way,
  ): Promise<{ readonly fleet: Fleet; readonly first: FleetMember }> {
    const databaseUrl = await ground.createDatabase(`fleet_${way}`);
    const database = await ground.connect(databaseUrl);
    const fleet = new Fleet(ground, way, { databaseUrl, database });
    const process = await fleet.startCoordinator();
    const client = new SagaClient(process.url);
    await client.register(await fleet.startPlace());
    return { fleet, first: await fleet.member(process, client) };
  }

  get database(): pg.Client {
    return this.base.database;
  }

  /** Starts another coordinator, and returns it when it has brought a saga to its end. */
  async add(): Promise<FleetMember> {
    const process = await this.startCoordinator();
    return this.member(process, new SagaClient(process.url));
  }

  /** Starts another participant over Kafka. */
  async addParticipant(): Promise<ChildProcess> {
    const { ground, prefix, way } = this;
    const library = way === 'http' ? 'kafkajs' : way;
    const settings: KafkaParticipantSettings = { library, prefix, brokers: ground.brokers };
    const participant = ground.fork(KAFKA_PARTICIPANT, settings);
    await once(participant, 'message');
    return participant;
  }

  private get prefix(): string {
    return `fleet-${this.way}`;
  }

  private startCoordinator(): Promise<CoordinatorProcess> {
    const { base, ground, prefix, way } = this;
    const kafka = {
      ATONE_KAFKA_BROKERS: ground.brokers.join(','),
      ATONE_KAFKA_CLIENT: way,
      ATONE_KAFKA_PREFIX: prefix,
    };
    return CoordinatorProcess.start(ground, {
      databaseUrl: base.databaseUrl,
      variables: way === 'http' ? {} : kafka,
    });
  }

  private async startPlace(): Promise<ParticipantPlace> {
    if (this.way === 'http') {
      const participant = this.ground.fork(NO_OP_PARTICIPANT);
      const [address] = (await once(participant, 'message')) as [AddressInfo];
      return { baseUrl: `http://127.0.0.1:${address.port}` };
    }
    await this.addParticipant();
    return { kafka: { topic: `${this.prefix}.commands.bench` } };
  }

  private async member(process: CoordinatorProcess, client: SagaClient): Promise<FleetMember> {
    const { rows } = await this.database.query<{ instance_id: string }>(NEWEST_INSTANCE);
    await client.run();
    return { process, client, instanceId: rows[0]?.instance_id ?? '' };
  }
}
