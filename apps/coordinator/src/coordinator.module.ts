import { randomUUID } from 'node:crypto';
import {
  Catalogue,
  DEFAULT_ENGINE_OPTIONS,
  Engine,
  type BranchTransport,
  type CatalogueStore,
} from '@atone/engine';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { CoordinatorParts } from './coordinator.parts.js';
import { CoordinatorLifecycle } from './coordinator.lifecycle.js';
import { ActsController } from './http/acts.controller.js';
import { CatalogueController } from './http/catalogue.controller.js';
import { HealthController } from './http/health.controller.js';
import { LedController } from './http/led.controller.js';
import { LogController } from './http/log.controller.js';
import { OfferWatch } from './http/offer.watch.js';
import { OverviewController } from './http/overview.controller.js';
import { TopicWatch } from './http/topic.watch.js';
import { TransactionPages } from './http/transaction.pages.js';
import { TransactionReader } from './http/transaction.reader.js';
import { TransactionsController } from './http/transactions.controller.js';
import { meteredLog } from './metrics/metered.log.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { METRICS } from './metrics/metrics.providers.js';
import { ApiDescription } from './openapi/api.description.js';
import { DocumentationController } from './openapi/documentation.controller.js';
import { CryptoRandom } from './ports/crypto.random.js';
import { engineLogger } from './ports/pino.logger.js';
import { SystemClock } from './ports/system.clock.js';
import { Standby } from './standby.js';
import { openStore } from './store.opening.js';
import { StoreUpkeep } from './store.upkeep.js';
import { TRANSPORTS } from './transports.js';
import {
  CATALOGUE_STORE,
  CLOCK,
  CONFIGURATION,
  INSTANCE_ID,
  LOG,
  LOGGER,
  RANDOM,
  STORE,
  TRANSPORT,
  type Store,
} from './tokens.js';

/** The coordinator as a Nest module: the engine, the ports it drives, and the API before it. */
@Module({})
export class CoordinatorModule {
  /** Returns the module; `overrides` take the place of the providers with the same token. */
  static register(
    configuration: Configuration,
    logger: Logger,
    overrides: readonly Provider[] = [],
  ): DynamicModule {
    return {
      module: CoordinatorModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        TransactionsController,
        LedController,
        ActsController,
        CatalogueController,
        OverviewController,
        LogController,
        HealthController,
        MetricsController,
        DocumentationController,
      ],
      providers: [
        { provide: CONFIGURATION, useValue: configuration },
        { provide: LOGGER, useValue: logger },
        ...PORTS,
        ...TRANSPORTS,
        ...ENGINE,
        TransactionReader,
        OfferWatch,
        TopicWatch,
        TransactionPages,
        ApiDescription,
        ...METRICS,
        StoreUpkeep,
        CoordinatorLifecycle,
        ...overrides,
      ],
    };
  }
}

const PORTS: readonly Provider[] = [
  // Drawn anew at each start: what a former process left is not ours to go on with as if nothing had happened.
  { provide: INSTANCE_ID, useFactory: () => randomUUID() },
  { provide: CLOCK, useClass: SystemClock },
  { provide: RANDOM, useClass: CryptoRandom },
  { provide: STORE, useFactory: openStore, inject: [CONFIGURATION, LOGGER, INSTANCE_ID] },
  { provide: LOG, useFactory: (store: Store) => store.log, inject: [STORE] },
  { provide: CATALOGUE_STORE, useFactory: (store: Store) => store.catalogue, inject: [STORE] },
];

const ENGINE: readonly Provider[] = [
  {
    provide: Catalogue,
    useFactory: (store: CatalogueStore) => new Catalogue(store),
    inject: [CATALOGUE_STORE],
  },
  {
    provide: Engine,
    useFactory: openEngine,
    inject: [CoordinatorParts, TRANSPORT, Standby],
  },
];

function openEngine(parts: CoordinatorParts, transport: BranchTransport, standby: Standby): Engine {
  const { log, catalogue, clock, random, configuration, logger, instanceId, meters, ownFacts } = parts;
  const { activeCountMax, defaultTimeoutMs, ledMemoryMs: memoryMs } = configuration;
  const engine = new Engine(
    {
      log: meteredLog(log, meters),
      transport,
      catalogue,
      clock,
      random,
      logger: engineLogger(logger),
      observer: meters,
    },
    {
      ...DEFAULT_ENGINE_OPTIONS,
      instanceId,
      activeCountMax,
      defaultTimeoutMs,
      memoryMs,
      facts: () => ({ ...ownFacts.current, isStandby: standby.reason === undefined ? undefined : true }),
      standby: () => standby.reason,
    },
  );
  ownFacts.watch(() => {
    engine.tellFacts();
  });
  return engine;
}
