import type { Random } from '@atone/core';
import type { Catalogue } from './catalogue.js';
import type { Clock } from './clock.port.js';
import type { TransactionLog } from './log.port.js';
import type { EngineLogger } from './logger.port.js';
import type { EngineObserver } from './observer.port.js';
import type { BranchTransport } from './transport.port.js';

/** What an engine works with. */
export interface EnginePorts {
  readonly log: TransactionLog;
  readonly transport: BranchTransport;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: EngineLogger;
  /** Told what happens, for those who count. Default: nobody is. */
  readonly observer?: EngineObserver | undefined;
}
