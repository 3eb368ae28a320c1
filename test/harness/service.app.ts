import 'reflect-metadata';
import {
  AtoneLifecycle,
  AtoneModule,
  databaseFrom,
  Sagas,
  type AtoneOptions,
  type CleanUpOptions,
} from '@atone/nestjs';
import { pgDatabase } from '@atone/nestjs/pg';
import { typeormDatabase } from '@atone/nestjs/typeorm';
import {
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplicationContext,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { openPool } from './open.pool.js';
import { Payments } from './payments.service.js';
import { Script } from './script.js';
import { Shipping } from './shipping.service.js';
import { Balance, JournalLine, Stock } from './stock.service.js';

export type ServiceName = 'stock' | 'payments' | 'shipping';

export interface ServiceSettings {
  readonly databaseUrl: string;
  readonly coordinatorUrl: string;
  readonly script: Script;
  /** 0 takes any. */
  readonly port: number;
  readonly keys?: AtoneOptions['keys'];
  readonly cleanUp?: CleanUpOptions | undefined;
}

/** A service that runs. */
export interface ServiceApp {
  readonly app: INestApplicationContext;
  readonly port: number;
}

/** Closes the pool of a service that has no TypeORM to do it. */
@Injectable()
class PoolKeeper implements OnApplicationShutdown {
  constructor(@Inject(Pool) private readonly pool: Pool) {}

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}

@Module({})
class ServiceModule {}

const MODULES: Readonly<Record<ServiceName, (settings: ServiceSettings) => DynamicModule>> = {
  stock: (settings) => ({
    module: ServiceModule,
    imports: [
      typeOrm(settings),
      TypeOrmModule.forFeature([Balance, JournalLine]),
      atone(settings, { service: 'stock', database: databaseFrom(DataSource, typeormDatabase) }),
    ],
    providers: [{ provide: Script, useValue: settings.script }, Stock],
  }),
  payments: (settings) => ({
    module: ServiceModule,
    imports: [atone(settings, { service: 'payments', database: databaseFrom(Pool, pgDatabase) })],
    providers: [
      { provide: Script, useValue: settings.script },
      { provide: Pool, useFactory: () => openPool(settings.databaseUrl, 8) },
      PoolKeeper,
      Payments,
    ],
  }),
  shipping: (settings) => ({
    module: ServiceModule,
    imports: [
      typeOrm(settings),
      atone(settings, { service: 'shipping', database: databaseFrom(DataSource, typeormDatabase) }),
    ],
    providers: [{ provide: Script, useValue: settings.script }, Shipping],
  }),
};

/** Starts one of the three services, as its own `main.ts` would. */
export async function startService(name: ServiceName, settings: ServiceSettings): Promise<ServiceApp> {
  const app = await NestFactory.createApplicationContext(MODULES[name](settings), {
    logger: false,
    abortOnError: false,
  });
  return { app, port: Number(new URL(app.get(AtoneLifecycle).commandUrl ?? '').port) };
}

/** Starts the service that carries out nothing itself, and returns what it starts sagas by. */
export async function startInitiator(
  coordinatorUrl: string,
): Promise<{ readonly app: INestApplicationContext; readonly sagas: Sagas }> {
  const initiator: DynamicModule = {
    module: ServiceModule,
    imports: [AtoneModule.forRoot({ service: 'orders', coordinator: { url: coordinatorUrl } })],
  };
  const app = await NestFactory.createApplicationContext(initiator, { logger: false, abortOnError: false });
  return { app, sagas: app.get(Sagas) };
}

function typeOrm({ databaseUrl }: ServiceSettings): DynamicModule {
  return TypeOrmModule.forRoot({
    type: 'postgres',
    url: databaseUrl,
    entities: [Balance, JournalLine],
    poolSize: 8,
    retryAttempts: 0,
  });
}

function atone(
  { coordinatorUrl, port, keys, cleanUp }: ServiceSettings,
  own: Pick<AtoneOptions, 'service' | 'database'>,
): DynamicModule {
  return AtoneModule.forRoot({
    ...own,
    coordinator: { url: coordinatorUrl },
    barrier: { migrate: true, cleanUp },
    listen: { port },
    keys,
    instance: `${own.service}-1`,
  });
}
