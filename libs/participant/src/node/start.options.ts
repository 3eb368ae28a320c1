import type { AtoneClient } from '../client.js';
import type { LocalDatabase } from '../database.port.js';
import type { ServiceHandler } from '../typed.handler.js';
import type { ServiceLog } from './service.log.js';
import type { CoordinatorOptions, ListenOptions, ServiceOptions } from './service.options.js';

/** How a service without a framework leads transactions. */
export interface StartOptions extends ServiceOptions {
  /** Where the coordinator is, or a client of it. */
  readonly coordinator: CoordinatorOptions | AtoneClient;
  /** `false`: nothing is logged. Default: lines for people, to the standard output and the standard error. */
  readonly log?: ServiceLog | false | undefined;
}

/** How a service without a framework carries out actions. */
export interface ParticipantStartOptions<Transaction> extends StartOptions {
  /** Where the barrier commits together with the effects. */
  readonly database: LocalDatabase<Transaction>;
  readonly handlers: readonly ServiceHandler<Transaction>[];
  /** Default: no server of its own. Without `kafka` commands come to `listener` then, and nobody knows of the service before `announce`. */
  readonly listen?: ListenOptions | undefined;
}
