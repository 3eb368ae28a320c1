import {
  CLOCK,
  CONFIGURATION,
  createCoordinator,
  LOG,
  openLogger,
  RANDOM,
  readConfiguration,
  STORE,
  TRANSPORT,
  type Configuration,
  type Coordinator,
  type Store,
} from '@atone/coordinator';
import type { Random } from '@atone/core';
import { Catalogue, type Clock, type TransactionLog } from '@atone/engine';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import { HttpTransport } from '@atone/transport-http';
import { FaultyTransport } from './faulty.transport.js';

export interface CoordinatorSettings {
  readonly databaseUrl: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Puts something between the engine and the log. */
  readonly wrapLog?: (log: TransactionLog) => TransactionLog;
}

/** The coordinator as it runs in production, but for a network and a log that can be disturbed. */
export class TestCoordinator {
  readonly transport: FaultyTransport;
  /** Typed, as services and operators have it. */
  readonly client: AtoneClient;

  private constructor(
    private readonly coordinator: Coordinator,
    /** What it has logged as a warning or worse. */
    readonly lines: readonly string[],
  ) {
    this.transport = coordinator.app.get<FaultyTransport>(TRANSPORT);
    this.client = createAtoneClient({ url: coordinator.url, patience: 0 });
  }

  static async start({
    databaseUrl,
    environment,
    wrapLog = (log) => log,
  }: CoordinatorSettings): Promise<TestCoordinator> {
    const lines: string[] = [];
    const coordinator = await createCoordinator({
      configuration: readConfiguration({
        ATONE_DATABASE_URL: databaseUrl,
        ATONE_HTTP_PORT: '0',
        // The server of a test run is one that may lose its data.
        ATONE_ACCEPT_LOSS: 'true',
        ...environment,
      }),
      logger: openLogger('warn', { write: (line: string) => void lines.push(line) }),
      overrides: [
        {
          provide: TRANSPORT,
          useFactory: openTransport,
          inject: [Catalogue, CLOCK, RANDOM, CONFIGURATION],
        },
        { provide: LOG, useFactory: (store: Store) => wrapLog(store.log), inject: [STORE] },
      ],
    });
    return new TestCoordinator(coordinator, lines);
  }

  get url(): string {
    return this.coordinator.url;
  }

  async close(): Promise<void> {
    await this.coordinator.close();
  }
}

function openTransport(
  ...[catalogue, clock, random, { signingKeys }]: [Catalogue, Clock, Random, Configuration]
): FaultyTransport {
  return new FaultyTransport(new HttpTransport({ catalogue, clock, random, signingKey: signingKeys[0] }));
}
