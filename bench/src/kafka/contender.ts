import { once } from 'node:events';
import type { KafkaLibraryName } from '@atone/kafka/connect';
import { CoordinatorProcess } from '../coordinator.process.js';
import type { Ground } from '../ground.js';
import { load, type LoadResult } from '../load.js';
import { LogMeter, type LogReading } from '../log.meter.js';
import { cpuSeconds } from '../process-cpu.js';
import { SagaClient } from '../saga.client.js';
import { difference } from '../stretch.js';

/** Whose rate is measured: the coordinator, or the least that does the same. */
export type ContenderName = 'atone' | 'prototype';

/** What a stretch of load over Kafka came to. CPU in seconds. */
export interface KafkaStretch {
  readonly load: LoadResult;
  /** Until the last transaction had ended. */
  readonly seconds: number;
  readonly log: LogReading;
  readonly cpu: Readonly<Record<'coordinator' | 'postgres' | 'broker' | 'participant' | 'load', number>>;
}

const PROTOTYPE = new URL('./prototype/prototype.coordinator.js', import.meta.url);

const PARTICIPANTS = {
  atone: new URL('./kafka.participant.js', import.meta.url),
  prototype: new URL('./prototype/prototype.participant.js', import.meta.url),
} as const;

/** A coordinator over Kafka with a participant, each a process of its own, and a database of its own. */
export class Contender {
  private constructor(
    readonly name: ContenderName,
    private readonly ground: Ground,
    private readonly parts: {
      readonly client: SagaClient;
      readonly log: LogMeter;
      readonly coordinatorPid: number;
      readonly participantPid: number;
    },
  ) {}

  static async start(ground: Ground, name: ContenderName, library: KafkaLibraryName): Promise<Contender> {
    const databaseUrl = await ground.createDatabase(name);
    const { brokers } = ground;
    const coordinator = await CoordinatorProcess.start(ground, {
      databaseUrl,
      program: name === 'prototype' ? PROTOTYPE : undefined,
      variables: { ATONE_KAFKA_BROKERS: brokers.join(','), ATONE_KAFKA_CLIENT: library },
    });
    const participant = ground.fork(PARTICIPANTS[name], { library, brokers, prefix: 'atone' });
    await once(participant, 'message');
    const client = new SagaClient(coordinator.url);
    if (name === 'atone') {
      await client.register({ kafka: { topic: 'atone.commands.bench' } });
    }
    return new Contender(name, ground, {
      client,
      log: new LogMeter(await ground.connect(databaseUrl)),
      coordinatorPid: coordinator.pid,
      participantPid: participant.pid ?? 0,
    });
  }

  /** Returns what a load took, and what it cost until all of it had ended. */
  async measure(shape: { readonly inFlight: number; readonly seconds: number }): Promise<KafkaStretch> {
    const { log } = this.parts;
    const logBefore = await log.read();
    const cpuBefore = this.cpu();
    const from = performance.now();
    const borne = await this.bear(shape);
    const seconds = (performance.now() - from) / 1_000;
    const cpu = difference(this.cpu(), cpuBefore);
    return { load: borne, seconds, log: difference(await log.read(), logBefore), cpu };
  }

  /** Bears a load, until all of it has ended. */
  async bear(shape: { readonly inFlight: number; readonly seconds: number }): Promise<LoadResult> {
    const { client, log } = this.parts;
    const borne = await load(() => client.run(), shape);
    await log.untilEnded();
    return borne;
  }

  close(): Promise<void> {
    return this.parts.client.close();
  }

  private cpu(): KafkaStretch['cpu'] {
    const { user, system } = process.cpuUsage();
    const { coordinatorPid: coordinator, participantPid: participant } = this.parts;
    const { postgresPid: postgres, brokerPid: broker } = this.ground;
    return {
      ...cpuSeconds({ coordinator, postgres, broker, participant }),
      load: (user + system) / 1_000_000,
    };
  }
}
