import { Inject, Injectable, Optional, type InjectionToken } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import {
  checkBarrier,
  createDoubtSweeper,
  createJanitor,
  createLedRuntime,
  createParticipant,
  createPortLedRuntime,
  migrateBarrier,
  MisuseError,
  type AtoneClient,
  type BarrierJanitor,
  type DoubtSweeper,
  type LedRuntime,
  type LocalDatabase,
  type Participant,
  type ParticipantClock,
} from '@atone/participant';
import { ActionDiscovery, type FoundAction } from './action.discovery.js';
import { ATONE_CONNECTION, type AtoneConnection } from './atone.connection.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions, type DatabaseSource } from './atone.options.js';
import { nestLog } from './nest.log.js';

/** What works for a service between its start and its stop. */
export interface Workers {
  readonly participant: Participant;
  readonly database: LocalDatabase<unknown>;
  /** Undefined where the rows of the barrier are to stay. */
  readonly janitor: BarrierJanitor | undefined;
  readonly sweeper: DoubtSweeper;
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
    const { service, parallelMax, barrier } = this.options;
    const database = this.database(actions);
    const shared = { service, database, endings: this.client };
    const usual = nestLog('Atone');
    const log = this.connection?.log?.(usual) ?? usual;
    const participant = createParticipant({
      ...shared,
      handlers: actions,
      parallelMax,
      log,
      ...this.machine(),
    });
    const janitor =
      barrier?.cleanUp === false ? undefined : createJanitor({ ...shared, log: usual, ...barrier?.cleanUp });
    const sweeper = createDoubtSweeper({
      ...barrier?.doubts,
      participant,
      database,
      doubts: this.client,
      log: usual,
    });
    if (barrier?.migrate === true) {
      await migrateBarrier(database);
    }
    await checkBarrier(database, { cleanUp: janitor !== undefined });
    return { participant, database, janitor, sweeper };
  }

  /** Lists of branches that are too long for an answer go to the coordinator first. */
  private machine(): { readonly runtime: LedRuntime; readonly clock?: ParticipantClock } {
    const options = { registrar: this.client };
    const ports = this.connection?.ledPorts;
    return ports === undefined
      ? { runtime: createLedRuntime(options) }
      : { runtime: createPortLedRuntime(options, ports), clock: ports.time };
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
