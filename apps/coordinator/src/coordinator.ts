import 'reflect-metadata';
import { setFailpointHook } from '@atone/core';
import { Engine } from '@atone/engine';
import type { Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { CoordinatorModule } from './coordinator.module.js';
import { CoordinatorLifecycle } from './coordinator.lifecycle.js';
import { errorFacts } from './error.facts.js';
import { createHttpServer } from './http/http.server.js';
import { RouteTable } from './http/route.table.js';
import { SchemaPipe } from './http/schema.pipe.js';
import { refuseUntilStarted } from './http/start.gate.js';
import { submitDirectly } from './http/submit.route.js';
import { TransactionsController } from './http/transactions.controller.js';
import { ApiDescription } from './openapi/api.description.js';
import { describeApi } from './openapi/api.document.js';
import { OwnFacts } from './own.facts.js';
import { failpointHook } from './ports/environment.failpoints.js';
import { NestLogger, openLogger } from './ports/pino.logger.js';
import { StartError } from './start.error.js';
import { VERSION } from './version.js';

export interface CoordinatorOptions {
  readonly configuration: Configuration;
  /** Without it the process's own, on stdout. */
  readonly logger?: Logger;
  /** Providers that take the place of those with the same token. */
  readonly overrides?: readonly Provider[];
}

/** A coordinator that runs. */
export interface Coordinator {
  readonly app: NestFastifyApplication;
  readonly engine: Engine;
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Answers those who wait, stops driving, hands over what is under way, and lets go of the database. */
  close(): Promise<void>;
}

/**
 * Starts a coordinator. When it settles, requests are taken.
 *
 * @throws {StartError} when it cannot start.
 */
export async function createCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { configuration, overrides } = options;
  const logger = options.logger ?? openLogger(configuration.logLevel);
  if (configuration.failpoints !== undefined) {
    setFailpointHook(failpointHook(configuration.failpoints));
  }
  const { adapter, filter, routes } = createHttpServer(configuration, logger);
  const app = await NestFactory.create<NestFastifyApplication>(
    CoordinatorModule.register(configuration, logger, [
      { provide: RouteTable, useValue: routes },
      ...(overrides ?? []),
    ]),
    adapter,
    { logger: new NestLogger(logger), abortOnError: false, bodyParser: false },
  );
  app.useGlobalPipes(new SchemaPipe());
  app.useGlobalFilters(filter);
  refuseUntilStarted(adapter.getInstance(), app.get(CoordinatorLifecycle));
  submitDirectly(adapter.getInstance(), { controller: app.get(TransactionsController), filter });
  app.get(ApiDescription).describeBy(() => describeApi(app, VERSION));
  const url = await startOrClose(app, configuration);
  const engine = app.get(Engine);
  logger.info({ url, instance: engine.instanceId }, 'coordinator started');
  return {
    app,
    engine,
    url,
    close: async () => {
      await app.close();
      logger.info({ instance: engine.instanceId }, 'coordinator stopped');
    },
  };
}

async function startOrClose(app: NestFastifyApplication, configuration: Configuration): Promise<string> {
  try {
    await app.init();
    const url = await listen(app, configuration);
    app.get(OwnFacts).reachedAt(url);
    await app.get(CoordinatorLifecycle).start();
    return url;
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(app: NestFastifyApplication, configuration: Configuration): Promise<string> {
  const { httpHost: host, httpPort: port } = configuration;
  try {
    await app.listen({ host, port });
  } catch (error) {
    // Who holds the port may be about to end, as the former coordinator of a restart, and an address may come up.
    const mayPass = errorFacts(error).code !== 'EACCES';
    throw new StartError(listenMessage(error, `${host}:${port}`), { cause: error, mayPass });
  }
  const address = app.getHttpServer().address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
}

function listenMessage(error: unknown, where: string): string {
  const { code, message } = errorFacts(error);
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use: stop the program that holds it, or set ATONE_HTTP_PORT.`;
    case 'EACCES':
      return `This user may not listen at ${where}: set ATONE_HTTP_PORT to 1024 or more.`;
    default:
      return `Listening at ${where} failed: ${message}.`;
  }
}
