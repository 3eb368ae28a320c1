import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { TransactionOptions } from '@atone/participant';
import { adoptClass, adoptInstance, type MethodRunner } from './adoption.js';
import { GlobalTransactions } from './global-transactions.service.js';
import { isTransactional } from './transactional.metadata.js';

type Provider = ReturnType<DiscoveryService['getProviders']>[number];

/**
 * Lets the methods with `@GlobalTransaction` of all providers and controllers work. In the first hook of a start: AtoneModule is
 * global, and so no other module's hooks come before.
 */
@Injectable()
export class AdoptionDiscovery implements OnModuleInit, OnApplicationShutdown {
  private readonly ends: (() => void)[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly transactions: GlobalTransactions,
  ) {}

  onModuleInit(): void {
    const runner: MethodRunner = {
      run: (transaction, work) => this.transactions.run(transaction as TransactionOptions, work),
    };
    for (const provider of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      this.adopt(provider, runner);
    }
  }

  onApplicationShutdown(): void {
    this.ends.splice(0).forEach((end) => end());
  }

  private adopt(provider: Provider, runner: MethodRunner): void {
    if (provider.isTransient || !provider.isDependencyTreeStatic()) {
      const prototype = prototypesOf(provider).find(isTransactional);
      if (prototype !== undefined) {
        this.ends.push(adoptClass(prototype, runner));
      }
      return;
    }
    const instance: unknown = provider.instance;
    if (isObject(instance) && isTransactional(Object.getPrototypeOf(instance))) {
      adoptInstance(instance, runner);
    }
  }
}

/** Of the class that is made, or, by a factory, of the one that it stands for. */
function prototypesOf({ metatype, token }: Provider): unknown[] {
  return [metatype, token].map((type) =>
    typeof type === 'function' ? (type.prototype as unknown) : undefined,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
