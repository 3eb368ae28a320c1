import { ConfigurableModuleBuilder, type InjectionToken } from '@nestjs/common';
import type { AtoneClient, CleanUpOptions, Duration, LocalDatabase } from '@atone/participant';
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
  /** The secrets by which the coordinator may sign its commands. */
  readonly keys?: readonly SigningKey[] | undefined;
  readonly barrier?: BarrierOptions | undefined;
  /** The colour of traffic that this instance takes. */
  readonly lane?: string | undefined;
  /** For the operators to see. */
  readonly version?: string | undefined;
  /** Unique among the instances of the service. Default: host name, process id, and a random part. */
  readonly instance?: string | undefined;
  /** How many commands run at once, each with a connection of its own. Default: 16. */
  readonly parallelMax?: number | undefined;
}

const builder = new ConfigurableModuleBuilder<AtoneOptions>({ moduleName: 'Atone' })
  .setClassMethodName('forRoot')
  .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
  .build();

export const ConfigurableAtoneModule = builder.ConfigurableModuleClass;

/** The token of the options. */
export const ATONE_OPTIONS: InjectionToken<AtoneOptions> = builder.MODULE_OPTIONS_TOKEN;

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
