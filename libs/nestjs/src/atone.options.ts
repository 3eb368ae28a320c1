import type { InjectionToken } from '@nestjs/common';
import type {
  AtoneClient,
  CoordinatorOptions,
  ListenOptions,
  LocalDatabase,
  ServiceOptions,
} from '@atone/participant';

/** A database that is made from a provider, once the application has it. */
export interface DatabaseSource {
  readonly inject: InjectionToken;
  readonly use: (provided: never) => LocalDatabase<unknown>;
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
   * Whose messages do, of the clients of @nestjs/microservices among the providers. `true`: of all. A list: of those with these tokens.
   * Default: of those that have a place for it beside the payload (Kafka, NATS, RabbitMQ, and TCP and Redis of Nest 12). The
   * others put an envelope around the payload, which a receiver without AtoneModule cannot read. What those of a list send after the
   * end of the transaction around it is refused, as calls of named URLs are.
   */
  readonly clients?: boolean | readonly InjectionToken[] | undefined;
  /**
   * Which of them must send within a global transaction, by their tokens, as `mandatoryTo` says it of URLs. They carry it, whatever `clients`
   * says. Default: none.
   */
  readonly mandatoryClients?: readonly InjectionToken[] | undefined;
  /**
   * Tells which URLs belong to services that take part. No other calls carry anything; and these are repeated when no answer
   * came, whatever their method. Default: all take part, and only what HTTP calls idempotent is repeated.
   */
  readonly to?: ((url: URL) => boolean) | undefined;
  /**
   * Tells which URLs must be called in a global transaction, as methods with `MANDATORY` must. By `fetch` and HttpService such a call
   * throws a NoTransactionError elsewhere, unless it runs within `NOT_SUPPORTED` or `NEVER`: a context that was lost on the way
   * is noticed, and nothing is done that would not be undone. They take part, whatever `to` says. Default: none.
   */
  readonly mandatoryTo?: ((url: URL) => boolean) | undefined;
}

/** How a service takes part in global transactions. */
export interface AtoneOptions extends ServiceOptions {
  readonly coordinator: CoordinatorOptions;
  /** Where the barrier commits together with the effects. Needed by services that carry out actions. */
  readonly database?: LocalDatabase<unknown> | DatabaseSource | undefined;
  /** Needed by services that carry out actions and do not take commands over Kafka. */
  readonly listen?: ListenOptions | undefined;
  readonly propagation?: PropagationOptions | undefined;
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
