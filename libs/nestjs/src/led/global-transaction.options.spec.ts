import 'reflect-metadata';
import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import {
  callHttp,
  currentTransaction,
  TransactionPresentError,
  TransactionTimeoutError,
} from '@atone/participant';
import { callStock, compileWith, FakeCoordinator } from '../testing/led.fixture.js';
import { GlobalTransaction } from './global-transaction.decorator.js';

@Injectable()
class Orders {
  @GlobalTransaction({ name: 'whole', wait: 'confirmed', waitTimeout: '1s' })
  async place(inner: () => Promise<unknown>): Promise<unknown> {
    return inner();
  }

  @GlobalTransaction({ commitOn: (error) => error instanceof RangeError })
  async fail(error: Error): Promise<never> {
    await callStock();
    throw error;
  }

  @GlobalTransaction({ propagation: 'REQUIRES_NEW', lane: 'green', tags: { kind: 'audit' } })
  async note(): Promise<void> {
    await callStock();
  }

  @GlobalTransaction({ propagation: 'NESTED' })
  async attempt(): Promise<never> {
    await callStock();
    throw new Error('not this one');
  }

  @GlobalTransaction({ propagation: 'NOT_SUPPORTED' })
  async look(): Promise<string | undefined> {
    return currentTransaction()?.name;
  }

  @GlobalTransaction({ propagation: 'SUPPORTS' })
  async lookAround(): Promise<string | undefined> {
    return currentTransaction()?.name;
  }

  @GlobalTransaction({ propagation: 'NEVER' })
  async archive(): Promise<void> {}

  @GlobalTransaction({ timeout: 1 })
  async beLate(): Promise<void> {
    await callHttp(() => once(new EventEmitter(), 'never') as Promise<never>);
  }
}

let coordinator: FakeCoordinator;
let module: TestingModule;
let orders: Orders;

beforeEach(async () => {
  coordinator = new FakeCoordinator();
  module = await compileWith(coordinator, { providers: [Orders] });
  await module.init();
  orders = module.get(Orders);
});

afterEach(() => module.close());

describe('a method with @GlobalTransaction', () => {
  test('commits on errors that it names', async () => {
    await expect(orders.fail(new RangeError('kept'))).rejects.toMatchObject({ outcome: 'committed' });
    await expect(orders.fail(new Error('not kept'))).rejects.toMatchObject({ outcome: 'aborted' });

    expect(coordinator.decided).toEqual(['commit orders-fail', 'abort orders-fail']);
  });

  test('leads a transaction of its own inside of another one, with its own lane and tags', async () => {
    await orders.place(async () => {
      await orders.note();
      await callStock();
    });

    expect(coordinator.decisions).toMatchObject([
      { to: 'commit', name: 'orders-note', lane: 'green', tags: { kind: 'audit' } },
      { to: 'commit', name: 'whole', branches: [{ branchId: '1~run.1' }] },
    ]);
  });

  test('is undone alone where it is nested', async () => {
    await orders.place(async () => {
      await orders.attempt().catch(() => undefined);
      await callStock();
    });

    expect(coordinator.decisions).toMatchObject([
      { to: 'commit', branches: [{ branchId: '2~run.1' }], thrown: [{ branchId: '1~run.1' }] },
    ]);
  });

  test('runs outside of the transaction around it, or in it if there is one, where it says so', async () => {
    const names = [
      await orders.place(() => orders.look()),
      await orders.place(() => orders.lookAround()),
      await orders.lookAround(),
    ];

    expect(names).toEqual([undefined, 'whole', undefined]);
  });

  test('throws where it must not run in a transaction, and does', async () => {
    await expect(orders.archive()).resolves.toBeUndefined();
    await expect(orders.place(() => orders.archive())).rejects.toThrow(TransactionPresentError);
  });

  test('throws when its time is over', async () => {
    await expect(orders.beLate()).rejects.toThrow(TransactionTimeoutError);
  });
});
