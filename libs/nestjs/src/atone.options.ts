import type { InjectionToken } from '@nestjs/common';
import type { AtoneClient, CleanUpOptions, Duration, LocalDatabase, SweepOptions } from '@atone/participant';
import type { SigningKey } from '@atone/protocol';

/** Where the coordinator is. */
export interface CoordinatorOptions {
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** How long a submission of unknown outcome is repeated. Default: 30 s. */
  readonly patience?: Duration | undefined;
}

/** Where this instance takes commands: at a server of its own, not at the application's. */
export interface ListenOptions {
  /** Default: 127.0.0.1. Any other needs `keys`. */
  readonly host?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  /** The base URL by which the coordinator reaches it. Default: what it listens on, if that is one address. */
  readonly advertise?: string | undefined;
}

/** A database that is made from a provider, once the application has it. */
export interface DatabaseSource {
  readonly inject: InjectionToken;
  readonly use: (provided: never) => LocalDatabase<unknown>;
}

/** How the barrier is kept. */
export interface BarrierOptions {
  /** Whether to install the barrier's tables at the start, or bring them up to date. Default: no. */
  readonly migrate?: boolean | undefined;
  /**
   * When rows of transactions that have ended are removed; `false`: never. Default: every minute, those of transactions
   * that ended 24 hours ago or more.
   */
  readonly cleanUp?: CleanUpOptions | false | undefined;
  /**
   * When the coordinator is asked about branches of led transactions whose deadline has passed. Default: every 5 s, 200
   * at once.
   */
  readonly doubts?: SweepOptions | undefined;
}

/** How the context of led transactions travels. */
export interface PropagationOptions {
  /** Whether requests and messages that carry a transaction are taken as a part of it. Default: yes. */
  readonly inbound?: boolean | undefined;
  /** Whether calls of the global `fetch` carry the transaction around them. Default: yes. */
  readonly fetch?: boolean | undefined;
  /** Whether calls of the HttpServices of @nestjs/axios do. Default: yes. */
  readonly httpService?: boolean | undefined;
  /**
   * Tells which URLs belong to services that take part. No other calls carry anything; and these are repeated when no answer
   * came, whatever their method. Default: all take part, and only what HTTP calls idempotent is repeated.
   */
  readonly to?: ((url: URL) => boolean) | undefined;
}

/** How a service takes part in global transactions. */
export interface AtoneOptions {
  /** The name by which contracts and plans know this service. */
  readonly service: string;
  readonly coordinator: CoordinatorOptions;
  /** Where the barrier commits together with the effects. Needed by services that carry out actions. */
  readonly database?: LocalDatabase<unknown> | DatabaseSource | undefined;
  /** Needed by services that carry out actions. */
  readonly listen?: ListenOptions | undefined;
  /** The secrets by which the coordinator may sign its commands. By the first, this service signs its calls of others. */
  readonly keys?: readonly SigningKey[] | undefined;
  readonly barrier?: BarrierOptions | undefined;
  /** Where the services are that are called by injected clients, if not where the coordinator's catalogue says. */
  readonly services?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly propagation?: PropagationOptions | undefined;
  /** The colour of traffic that this instance takes. */
  readonly lane?: string | undefined;
  /** For the operators to see. */
  readonly version?: string | undefined;
  /** Unique among the instances of the service. Default: host name, process id, and a random part. */
  readonly instance?: string | undefined;
  /** How many commands run at once, each with a connection of its own. Default: 16. */
  readonly parallelMax?: number | undefined;
}

/** The token of the options. */
export const ATONE_OPTIONS: InjectionToken<AtoneOptions> = Symbol.for('atone.options');

/** The token of the client of the coordinator; override it in tests. */
export const ATONE_CLIENT: InjectionToken<AtoneClient> = Symbol.for('atone.client');

/**
 * Returns the database that `use` makes from what the application provides as `token`.
 *
 * ```ts
 * import { typeormDatabase } from '@atone/nestjs/typeorm';
 *
 * AtoneModule.forRoot({ …, database: databaseFrom(DataSource, typeormDatabase) })
 * ```
 */
export function databaseFrom<Provided>(
  token: InjectionToken<Provided>,
  use: (provided: Provided) => LocalDatabase<unknown>,
): DatabaseSource {
  return { inject: token, use };
}
