import { Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import type { AtoneClient } from '@atone/participant';
import { ActionDiscovery } from './action.discovery.js';
import { ATONE_CONNECTION, httpConnection, type AtoneConnection } from './atone.connection.js';
import { AtoneLifecycle } from './atone.lifecycle.js';
import { ConfigurableAtoneModule } from './atone.module-builder.js';
import { refuseUnknownBesideFactory } from './atone.option.names.js';
import { ATONE_CLIENT, ATONE_OPTIONS, type AtoneOptions } from './atone.options.js';
import { DataSourceDiscovery } from './data-source.discovery.js';
import { AdoptionDiscovery } from './led/adoption.discovery.js';
import { ClientDiscovery } from './led/client.discovery.js';
import { GlobalTransactions } from './led/global-transactions.service.js';
import { InboundHttp } from './led/inbound.http.js';
import { MessageInterceptor } from './led/message.interceptor.js';
import { Outbound } from './led/outbound.js';
import { RefusalInterceptor } from './led/refusal.interceptor.js';
import { ServiceCaller } from './led/service.caller.js';
import { Participation } from './participation.js';
import { Sagas } from './sagas.service.js';

type AsyncOptions = Parameters<typeof ConfigurableAtoneModule.forRootAsync>[0];

/**
 * Lets a service start sagas and lead transactions, and carry out actions for those of others.
 *
 * Import it once, by `forRoot` or `forRootAsync`; it is global. Call `app.enableShutdownHooks()`, or close the
 * application yourself, so that a stop leaves no command half done.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: ATONE_CLIENT,
      useFactory: clientOf,
      inject: [ATONE_OPTIONS, { token: ATONE_CONNECTION, optional: true }],
    },
    { provide: APP_INTERCEPTOR, useClass: MessageInterceptor },
    { provide: APP_INTERCEPTOR, useClass: RefusalInterceptor },
    ActionDiscovery,
    AdoptionDiscovery,
    AtoneLifecycle,
    ClientDiscovery,
    DataSourceDiscovery,
    GlobalTransactions,
    InboundHttp,
    Outbound,
    Participation,
    Sagas,
    ServiceCaller,
  ],
  exports: [ATONE_CLIENT, ATONE_OPTIONS, AtoneLifecycle, GlobalTransactions, Sagas],
})
export class AtoneModule extends ConfigurableAtoneModule implements NestModule {
  constructor(private readonly inbound: InboundHttp) {
    super();
  }

  /** Takes the options from a factory. @throws MisuseError for what stands beside it and is no option. */
  static override forRootAsync(options: AsyncOptions): DynamicModule {
    refuseUnknownBesideFactory(options);
    return super.forRootAsync(options);
  }

  /** Not for applications that take no requests: Nest does not call it there. */
  configure(): void {
    this.inbound.install();
  }
}

function clientOf(options: AtoneOptions, connection: AtoneConnection = httpConnection): AtoneClient {
  return connection.client(options);
}
