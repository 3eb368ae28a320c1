import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { atoneExpress, atoneFastify, type AtoneClient } from '@atone/participant';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';

/** What is needed of Fastify. */
interface FastifyLike {
  register(plugin: unknown): unknown;
}

/** Lets requests that carry a led transaction run in it, and their answers tell what they have enlisted. */
@Injectable()
export class InboundHttp {
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    @Inject(ATONE_CLIENT) private readonly registrar: AtoneClient,
    private readonly host: HttpAdapterHost,
  ) {}

  /** Puts itself before the middleware of all modules, and behind what reads bodies. */
  install(): void {
    const adapter = this.host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined;
    if (adapter === undefined || this.options.propagation?.inbound === false) {
      return;
    }
    const { registrar } = this;
    switch (adapter.getType()) {
      case 'express':
        adapter.use(atoneExpress({ registrar }));
        return;
      case 'fastify':
        adapter.getInstance<FastifyLike>().register(atoneFastify({ registrar }));
        return;
      default:
        new Logger('Atone').warn(
          `Requests of led transactions are not taken as part of them: the HTTP adapter '${adapter.getType()}' is not known. Use \`runInbound\` of @atone/participant, or say \`propagation: { inbound: false }\` to AtoneModule.`,
        );
    }
  }
}
