import 'reflect-metadata';
import { StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readEnvironment, type Environment } from './environment.js';
import { startOrExplain } from './start.failure.js';

/** Starts the service that `moduleOf` makes, as a program of its own. */
export async function startService(moduleOf: (environment: Environment) => DynamicModule): Promise<void> {
  await startOrExplain(async () => {
    const environment = readEnvironment(process.env);
    // What goes wrong at the start is ours to tell.
    const app = await openService(moduleOf(environment), environment.PORT, { abortOnError: false });
    // Without it a stop would leave commands half done.
    app.enableShutdownHooks();
  });
}

/** Starts the service of `module`, on `port`; 0 takes any. */
export async function openService(
  module: DynamicModule,
  port: number,
  options: { readonly logger?: false; readonly abortOnError?: false } = {},
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), options);
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  await app.listen(port, '127.0.0.1');
  return app;
}
