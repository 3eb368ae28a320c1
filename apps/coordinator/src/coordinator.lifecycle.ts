import { Engine } from '@atone/engine';
import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { KafkaLink } from './kafka.link.js';
import { StartError } from './start.error.js';
import { StoreUpkeep } from './store.upkeep.js';

/**
 * Starts the engine before the first request is taken, and stops it after the last one has been answered.
 */
@Injectable()
export class CoordinatorLifecycle
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private currentPhase: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(
    private readonly engine: Engine,
    private readonly upkeep: StoreUpkeep,
    private readonly kafka: KafkaLink,
  ) {}

  /** Why no work is being taken, or undefined while it is. */
  get unreadyReason(): string | undefined {
    switch (this.currentPhase) {
      case 'starting':
        return 'The coordinator is starting.';
      case 'stopping':
        return 'The coordinator is stopping.';
      case 'running':
        return this.engine.isTakingWork
          ? undefined
          : 'The log has not answered for 10 s: nothing new is accepted, and nothing is taken over.';
    }
  }

  get isStopping(): boolean {
    return this.currentPhase === 'stopping';
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.kafka.open();
    try {
      await this.engine.start();
    } catch (error) {
      throw new StartError('The log could not be read, so the coordinator did not start.', { cause: error });
    }
    this.currentPhase = 'running';
    this.upkeep.start();
  }

  /** Comes before the HTTP server closes: those who wait for an outcome are told how far it is, so that it can. */
  beforeApplicationShutdown(): void {
    this.currentPhase = 'stopping';
    this.engine.dismissWaiters();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.engine.stop();
    await Promise.all([this.upkeep.close(), this.kafka.close()]);
  }
}
