import 'reflect-metadata';
import { StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readEnvironment, type Environment } from './environment.js';
import { startOrExplain } from './start.failure.js';

/** Starts the service that `moduleOf` makes, on the address that the environment gives. */
export async function startService(moduleOf: (environment: Environment) => DynamicModule): Promise<void> {
  await startOrExplain(async () => {
    const environment = readEnvironment(process.env);
    const module = moduleOf(environment);
    // What goes wrong at the start is ours to tell.
    const options = { abortOnError: false };
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), options);
    app.useGlobalPipes(new StandardSchemaValidationPipe());
    // Without it a stop would leave commands half done.
    app.enableShutdownHooks();
    await app.listen(environment.PORT, environment.HOST);
  });
}
