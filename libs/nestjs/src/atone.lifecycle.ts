import {
  Inject,
  Injectable,
  Optional,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { MisuseError, refuseUnknownAddress, type AtoneClient } from '@atone/participant';
import type { FoundAction } from './action.discovery.js';
import { ATONE_CONNECTION, httpConnection, type AtoneConnection, type Serving } from './atone.connection.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from './atone.options.js';
import { ServiceCaller } from './led/service.caller.js';
import { namesOf, Participation } from './participation.js';

/** Lets the service take part from the end of Nest's start to the beginning of its stop. */
@Injectable()
export class AtoneLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  private serving: Serving | undefined;
  private readonly connection: AtoneConnection;

  // oxlint-disable-next-line max-params -- Nest injects one by one.
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly client: AtoneClient,
    private readonly participation: Participation,
    private readonly caller: ServiceCaller,
    @Optional() @Inject(ATONE_CONNECTION) connection?: AtoneConnection,
  ) {
    this.connection = connection ?? httpConnection;
  }

  /** Where commands are taken; undefined before the start and in services without actions. */
  get commandUrl(): string | undefined {
    return this.serving?.commandUrl;
  }

  /** Starts taking commands. Throws MisuseError, and with it stops the start, for what could not work. */
  async onApplicationBootstrap(): Promise<void> {
    const actions = this.participation.actions();
    if (actions.length === 0) {
      return;
    }
    const { options, client } = this;
    refuseUnreachable(options, actions);
    const workers = await this.participation.workers(actions);
    this.caller.useParticipant(workers.participant);
    this.serving = await this.connection.serve({
      options,
      listen: options.listen,
      actions,
      client,
      ...workers,
    });
  }

  /**
   * Leaves the catalogue, takes no more commands, and waits for those that run. In the first hook of a stop: in a later
   * one the database may be closed already.
   */
  async onModuleDestroy(): Promise<void> {
    await this.serving?.close();
  }
}

function refuseUnreachable({ service, listen, kafka }: AtoneOptions, actions: readonly FoundAction[]): void {
  if (listen !== undefined) {
    refuseUnknownAddress(listen);
  } else if (kafka === undefined) {
    throw new MisuseError(
      `The service '${service}' carries out ${namesOf(actions)} and has no address at which the coordinator could tell it to. Add \`listen: { port: 9101 }\` to AtoneModule.forRoot, or \`kafka\`.`,
    );
  }
}
