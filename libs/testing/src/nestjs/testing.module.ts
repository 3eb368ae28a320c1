import { ATONE_CONNECTION } from '@atone/nestjs';
import { MisuseError } from '@atone/participant';
import { Global, Inject, Module, type DynamicModule } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { createTestingCoordinator, TestingCoordinator } from '../testing.coordinator.js';
import { inMemoryConnection } from './in-memory.connection.js';

/** By application: the coordinator that takes part in it. */
const coordinators = new WeakMap<ModulesContainer, TestingCoordinator>();

/**
 * Puts a coordinator in memory in the place of the one for which `AtoneModule` is configured, in the whole application:
 *
 * ```ts
 * const app = await Test.createTestingModule({ imports: [AppModule, AtoneTestingModule] }).compile();
 * await app.init();
 * const atone = app.get(TestingCoordinator);
 * ```
 */
@Global()
@Module({
  providers: [
    { provide: TestingCoordinator, useFactory: createTestingCoordinator },
    { provide: ATONE_CONNECTION, useFactory: inMemoryConnection, inject: [TestingCoordinator] },
  ],
  exports: [TestingCoordinator, ATONE_CONNECTION],
})
export class AtoneTestingModule {
  /** @throws MisuseError when the application has another coordinator already: its services would be at one of them. */
  constructor(
    @Inject(ModulesContainer) application: ModulesContainer,
    @Inject(TestingCoordinator) atone: TestingCoordinator,
  ) {
    if ((coordinators.get(application) ?? atone) !== atone) {
      throw new MisuseError(
        'The application would have two coordinators. Import either AtoneTestingModule or AtoneTestingModule.with(…), and only one of them.',
      );
    }
    coordinators.set(application, atone);
  }

  /** Connects the application with `atone`, so that several services, each an application of its own, share it. */
  static with(atone: TestingCoordinator): DynamicModule {
    return { module: AtoneTestingModule, providers: [{ provide: TestingCoordinator, useValue: atone }] };
  }
}
