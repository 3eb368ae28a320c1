import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { AtoneClient } from '@atone/participant';
import { ActionDiscovery } from './action.discovery.js';
import { ATONE_CONNECTION, httpConnection, type AtoneConnection } from './atone.connection.js';
import { AtoneLifecycle } from './atone.lifecycle.js';
import { ATONE_CLIENT, ATONE_OPTIONS, ConfigurableAtoneModule, type AtoneOptions } from './atone.options.js';
import { DataSourceDiscovery } from './data-source.discovery.js';
import { Participation } from './participation.js';
import { Sagas } from './sagas.service.js';

/**
 * Lets a service start sagas, and carry out actions for those of others.
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
    ActionDiscovery,
    AtoneLifecycle,
    DataSourceDiscovery,
    Participation,
    Sagas,
  ],
  exports: [ATONE_CLIENT, ATONE_OPTIONS, AtoneLifecycle, Sagas],
})
export class AtoneModule extends ConfigurableAtoneModule {}

function clientOf(options: AtoneOptions, connection: AtoneConnection = httpConnection): AtoneClient {
  return connection.client(options);
}
