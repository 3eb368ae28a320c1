import { Engine } from '@atone/engine';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { KafkaLink } from './kafka.link.js';
import { PrefixWatch } from './prefix.watch.js';
import { StartError } from './start.error.js';
import { StoreUpkeep } from './store.upkeep.js';

export interface Unreadiness {
  readonly code: 'OVERLOADED' | 'LOG_UNAVAILABLE';
  readonly reason: string;
}

const NO_LOG: Unreadiness = {
  code: 'LOG_UNAVAILABLE',
  reason: 'The log has not answered for 10 s: nothing new is accepted, and nothing is taken over.',
};

/**
 * Starts the engine when the server listens, but before the first request is taken, and stops it after the last one has been answered.
 */
@Injectable()
export class CoordinatorLifecycle implements BeforeApplicationShutdown, OnApplicationShutdown {
  @Inject(PrefixWatch) private readonly prefixes!: PrefixWatch;
  private currentPhase: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(
    private readonly engine: Engine,
    private readonly upkeep: StoreUpkeep,
    private readonly kafka: KafkaLink,
  ) {}

  /** Why no work is being taken, or undefined while it is. */
  get unreadiness(): Unreadiness | undefined {
    switch (this.currentPhase) {
      case 'starting':
        return { code: 'OVERLOADED', reason: 'The coordinator is starting.' };
      case 'stopping':
        return { code: 'OVERLOADED', reason: 'The coordinator is stopping.' };
      case 'running':
        return this.idleness;
    }
  }

  get isStarting(): boolean {
    return this.currentPhase === 'starting';
  }

  get isStopping(): boolean {
    return this.currentPhase === 'stopping';
  }

  private get idleness(): Unreadiness | undefined {
    const reason = this.engine.standbyReason;
    if (reason !== undefined) {
      return { code: 'OVERLOADED', reason };
    }
    return this.engine.isTakingWork ? undefined : NO_LOG;
  }

  /**
   * Takes part in Kafka and in the log. To be called once the server listens: whoever cannot serve has joined no group then, and is in no
   * list, so that nobody waits for it.
   *
   * @throws {StartError}
   */
  async start(): Promise<void> {
    await this.kafka.open();
    try {
      await this.engine.start();
    } catch (error) {
      throw new StartError('The log could not be read, so the coordinator did not start.', {
        cause: error,
        mayPass: true,
      });
    }
    this.currentPhase = 'running';
    this.upkeep.start();
    void this.prefixes.start();
  }

  /** Comes before the HTTP server closes: those who wait for an outcome are told how far it is, so that it can. */
  beforeApplicationShutdown(): void {
    this.currentPhase = 'stopping';
    this.engine.dismissWaiters();
  }

  async onApplicationShutdown(): Promise<void> {
    this.prefixes.stop();
    await this.engine.stop();
    await Promise.all([this.upkeep.close(), this.kafka.close()]);
  }
}
