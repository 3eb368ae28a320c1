import { Inject, Injectable, Optional, type OnApplicationShutdown } from '@nestjs/common';
import type { AtoneClient, Participant, ServiceCalls } from '@atone/participant';
import type { BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { ATONE_CONNECTION, usualCalls, type AtoneConnection } from '../atone.connection.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';

/** Makes the calls of injected clients: to other services by the network, and to the own one in this process. */
@Injectable()
export class ServiceCaller implements OnApplicationShutdown {
  readonly calls: ServiceCalls;
  private participant: Participant | undefined;

  constructor(
    @Inject(ATONE_OPTIONS) options: AtoneOptions,
    @Inject(ATONE_CLIENT) client: AtoneClient,
    @Optional() @Inject(ATONE_CONNECTION) connection?: AtoneConnection,
  ) {
    const local = {
      service: options.service,
      execute: (command: BranchCommand) => this.execute(command),
    };
    const callsOf = connection?.calls?.bind(connection) ?? usualCalls;
    this.calls = callsOf({ options, client, local });
  }

  /** From now on `participant` carries out the calls of this service's own actions. */
  useParticipant(participant: Participant): void {
    this.participant = participant;
  }

  /** In the last hook of a stop: before it requests are answered whose transactions still call others. */
  async onApplicationShutdown(): Promise<void> {
    await this.calls.close?.();
  }

  private async execute(command: BranchCommand): Promise<BranchReply> {
    return this.participant?.execute(command) ?? nobody(command);
  }
}

function nobody({ service, action }: BranchCommand): BranchReply {
  const message = `This instance of '${service}' does not carry out ${service}.${action}: no provider of the application has it with @Action or @Try, or the application has not started yet.`;
  return { outcome: 'unknown', error: { class: 'unreachable', message } };
}
