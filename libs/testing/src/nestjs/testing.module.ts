import { ATONE_CONNECTION } from '@atone/nestjs';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { createTestingCoordinator, TestingCoordinator } from '../testing.coordinator.js';
import { inMemoryConnection } from './in-memory.connection.js';

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
  /** Connects the application with `atone`, so that several services, each an application of its own, share it. */
  static with(atone: TestingCoordinator): DynamicModule {
    return { module: AtoneTestingModule, providers: [{ provide: TestingCoordinator, useValue: atone }] };
  }
}
