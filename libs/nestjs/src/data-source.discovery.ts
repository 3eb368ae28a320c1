import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { guardDataSource, type GuardableDataSource } from '@atone/participant';

/**
 * Makes all DataSources of TypeORM among the providers of the application refuse what a handler writes past its
 * transaction. In the first hook of a start, so that it is done when the first command comes.
 */
@Injectable()
export class DataSourceDiscovery implements OnModuleInit {
  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit(): void {
    for (const { instance } of this.discovery.getProviders()) {
      if (isDataSource(instance)) {
        guardDataSource(instance);
      }
    }
  }
}

/** By its shape: TypeORM need not be installed, and there may be two of it. */
function isDataSource(instance: unknown): instance is GuardableDataSource {
  if (typeof instance !== 'object' || instance === null) {
    return false;
  }
  const { createQueryRunner, options } = instance as {
    createQueryRunner?: unknown;
    options?: { type?: unknown };
  };
  return typeof createQueryRunner === 'function' && typeof options?.type === 'string';
}
