import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import {
  createRegistration,
  MisuseError,
  startCommandServer,
  type AtoneClient,
  type CommandServer,
  type Registration,
} from '@atone/participant';
import type { FoundAction } from './action.discovery.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions, type ListenOptions } from './atone.options.js';
import { nestLog } from './nest.log.js';
import { namesOf, Participation } from './participation.js';

/** Lets the service take part from the end of Nest's start to the beginning of its stop. */
@Injectable()
export class AtoneLifecycle implements OnApplicationBootstrap, OnModuleDestroy {
  private server: CommandServer | undefined;
  private registration: Registration | undefined;

  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly client: AtoneClient,
    private readonly participation: Participation,
  ) {}

  /** Where commands are taken; undefined before the start and in services without actions. */
  get commandUrl(): string | undefined {
    return this.server?.url;
  }

  /** Starts taking commands. Throws MisuseError, and with it stops the start, for what could not work. */
  async onApplicationBootstrap(): Promise<void> {
    const actions = this.participation.actions();
    if (actions.length === 0) {
      return;
    }
    const listen = requireListen(this.options, actions);
    refuseUnknownAddress(listen);
    const participant = await this.participation.participant(actions);
    const { keys } = this.options;
    this.server = await startCommandServer({ participant, host: listen.host, port: listen.port, keys });
    this.registration = this.registrationOf(actions, listen.advertise ?? new URL(this.server.url).origin);
    this.registration.start();
  }

  /**
   * Leaves the catalogue, takes no more commands, and waits for those that run. In the first hook of a stop: in a later
   * one the database may be closed already.
   */
  async onModuleDestroy(): Promise<void> {
    await this.registration?.stop();
    await this.server?.close();
  }

  private registrationOf(actions: readonly FoundAction[], baseUrl: string): Registration {
    const { service, lane, version, instance = drawInstance() } = this.options;
    const log = nestLog('Atone');
    return createRegistration({
      client: this.client,
      service,
      instance,
      baseUrl,
      lane,
      version,
      actions,
      log,
    });
  }
}

function requireListen(options: AtoneOptions, actions: readonly FoundAction[]): ListenOptions {
  if (options.listen === undefined) {
    throw new MisuseError(
      `The service '${options.service}' carries out ${namesOf(actions)} and has no address at which the coordinator could tell it to. Add \`listen: { port: 9101 }\` to AtoneModule.forRoot.`,
    );
  }
  return options.listen;
}

/** An address like 0.0.0.0 stands for all that the machine has, and the coordinator needs one. */
function refuseUnknownAddress({ host, advertise }: ListenOptions): void {
  const isEveryAddress = host === '0.0.0.0' || host === '::' || host === '';
  if (isEveryAddress && advertise === undefined) {
    throw new MisuseError(
      `The command server listens on ${host || 'every address'}, which no coordinator can call. Say by which URL it is reached: \`listen: { …, advertise: 'http://payments:9101' }\`.`,
    );
  }
}

function drawInstance(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/gu, '-')
    .slice(0, 80);
  return `${host}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
