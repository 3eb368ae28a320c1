import { Inject, Injectable, Optional, type InjectionToken } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import {
  MisuseError,
  prepareWorkers,
  type AtoneClient,
  type LocalDatabase,
  type ServiceWorkers,
} from '@atone/participant';
import { ActionDiscovery, type FoundAction } from './action.discovery.js';
import { ATONE_CONNECTION, type AtoneConnection } from './atone.connection.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions, type DatabaseSource } from './atone.options.js';
import { nestLog } from './nest.log.js';

/** What works for a service between its start and its stop, and where. */
export interface Workers extends ServiceWorkers {
  readonly database: LocalDatabase<unknown>;
}

/** Puts together what carries out the actions of this service: the handlers, and the database with the barrier. */
@Injectable()
export class Participation {
  // oxlint-disable-next-line max-params -- Nest injects one by one.
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly client: AtoneClient,
    private readonly discovery: ActionDiscovery,
    private readonly moduleRef: ModuleRef,
    @Optional() @Inject(ATONE_CONNECTION) private readonly connection?: AtoneConnection,
  ) {}

  /** Returns what this service carries out. Throws MisuseError for what could not work. */
  actions(): readonly FoundAction[] {
    return this.discovery.find(this.options.service);
  }

  /** Returns the participant with its janitor and sweeper, once the barrier is there. Throws MisuseError or BarrierMissingError with the remedy. */
  async workers(actions: readonly FoundAction[]): Promise<Workers> {
    const { options, client, connection } = this;
    const { service, parallelMax, barrier } = options;
    const database = this.database(actions);
    const log = nestLog('Atone');
    const workers = await prepareWorkers({
      service,
      database,
      handlers: actions,
      client,
      barrier,
      parallelMax,
      log,
      executionLog: connection?.log?.(log),
      ledPorts: connection?.ledPorts,
    });
    return { database, ...workers };
  }

  private database(actions: readonly FoundAction[]): LocalDatabase<unknown> {
    const usual = this.requireDatabase(actions);
    return this.connection?.database?.(usual) ?? usual;
  }

  private requireDatabase(actions: readonly FoundAction[]): LocalDatabase<unknown> {
    const { database, service } = this.options;
    if (database === undefined) {
      throw new MisuseError(
        `The service '${service}' carries out ${namesOf(actions)} and has no database for the barrier. Add \`database: databaseFrom(DataSource, typeormDatabase)\` to AtoneModule.forRoot, with typeormDatabase from @atone/nestjs/typeorm.`,
      );
    }
    return 'inject' in database ? this.makeDatabase(database) : database;
  }

  private makeDatabase(source: DatabaseSource): LocalDatabase<unknown> {
    let provided: unknown;
    try {
      provided = this.moduleRef.get(source.inject, { strict: false });
    } catch (error) {
      throw new MisuseError(
        `Nothing in the application provides ${nameOfToken(source.inject)}, from which AtoneModule's \`database\` should be made. Import the module that does, such as TypeOrmModule.forRoot.`,
        { cause: error },
      );
    }
    return source.use(provided as never);
  }
}

/** Returns the names of `actions`, for people. */
export function namesOf(actions: readonly FoundAction[]): string {
  return actions.map(({ contract }) => `${contract.service}.${contract.name}`).join(', ');
}

function nameOfToken(token: InjectionToken): string {
  return typeof token === 'function' ? token.name : String(token);
}
