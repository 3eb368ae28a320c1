import 'reflect-metadata';
import { StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readEnvironment, type Environment } from './environment.js';

/** Starts the service that `moduleOf` makes, on the address that the environment gives. */
export async function startService(moduleOf: (environment: Environment) => DynamicModule): Promise<void> {
  const environment = readEnvironment(process.env);
  const app = await NestFactory.create<NestFastifyApplication>(moduleOf(environment), new FastifyAdapter());
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  // Without it a stop would leave commands half done.
  app.enableShutdownHooks();
  await app.listen(environment.PORT, environment.HOST);
}
