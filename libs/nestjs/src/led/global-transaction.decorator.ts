import { MisuseError, type TransactionOptions } from '@atone/participant';
import { actionsOf } from '../action.metadata.js';
import { transactionName } from './transaction.name.js';
import { declareTransactional } from './transactional.metadata.js';
import {
  isAsync,
  isSynchronous,
  isTransactionalMethod,
  notAsync,
  transactionalMethod,
  type Method,
} from './transactional.method.js';

/** How a decorated method runs in a global transaction. */
export interface GlobalTransactionOptions<Result = unknown> extends Omit<TransactionOptions<Result>, 'name'> {
  /**
   * What the transaction is called where people see it. Default: `orders-place` for `Orders.place`. On a class it stands in the
   * place of the class's own name.
   */
  readonly name?: string | undefined;
}

/** Fits asynchronous methods that return what the options expect, and classes. */
export interface GlobalTransactionDecorator<Result> {
  <Decorated extends (...args: never[]) => Promise<Result>>(
    prototype: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<Decorated>,
  ): void;
  (target: abstract new (...args: never[]) => object): void;
}

/**
 * Makes an asynchronous method the whole of a global transaction: what the services that it calls have done is kept when it
 * returns, and undone when it throws. On a class it does so for each `async` method that the class itself declares.
 *
 * ```ts
 * @GlobalTransaction({ name: 'place-order', timeout: '30s' })
 * async place(order: NewOrder): Promise<Order> { … }
 * ```
 *
 * The method works on instances that Nest has made, in an application with AtoneModule; elsewhere it throws a MisuseError.
 * Called in a transaction it is a part of that one, unless `propagation` says otherwise.
 *
 * @throws MisuseError when the class is loaded, where the types were silenced.
 */
export function GlobalTransaction<Result = unknown>(
  options: GlobalTransactionOptions<Result> = {},
): GlobalTransactionDecorator<Result> {
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (method === undefined) {
      decorateClass(target as Class, options);
    } else {
      decorateMethod(target, method, { descriptor, options });
    }
  };
}

type Class = abstract new (...args: never[]) => object;

interface Use {
  readonly descriptor: PropertyDescriptor | undefined;
  readonly options: GlobalTransactionOptions<never>;
}

/** Nest calls these by itself, outside of any business. */
const HOOKS: ReadonlySet<string> = new Set([
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
]);

function decorateMethod(prototype: object, method: string | symbol, { descriptor, options }: Use): void {
  const place = placeOf(prototype, method);
  if (typeof prototype === 'function') {
    throw new MisuseError(
      `@GlobalTransaction is on the static method ${prototype.name}.${String(method)}. Put it on a method of the instance: Nest makes no use of static ones.`,
    );
  }
  if (descriptor === undefined || typeof descriptor.value !== 'function') {
    throw new MisuseError(`@GlobalTransaction is on ${place}, which is no method. Put it on one.`);
  }
  if (isSynchronous(prototype, method, descriptor.value)) {
    throw new MisuseError(notAsync(place));
  }
  const name = options.name ?? transactionName(prototype.constructor.name, method);
  descriptor.value = transactionalMethod(descriptor.value as Method, place, { ...options, name });
  declareTransactional(prototype);
}

function decorateClass(target: Class, options: GlobalTransactionOptions<never>): void {
  const prototype = target.prototype as object;
  const methods = methodsToDecorate(prototype);
  if (methods.length === 0) {
    throw new MisuseError(
      `@GlobalTransaction is on the class ${target.name}, which declares no \`async\` method that could lead a transaction. Put it where there are some.`,
    );
  }
  for (const [method, descriptor] of methods) {
    const name = transactionName(options.name ?? target.name, method);
    const value = transactionalMethod(descriptor.value as Method, placeOf(prototype, method), {
      ...options,
      name,
    });
    Object.defineProperty(prototype, method, { ...descriptor, value });
  }
  declareTransactional(prototype);
}

/** All but those that Nest or the coordinator calls, or that have a decorator of their own. */
function methodsToDecorate(prototype: object): [string, PropertyDescriptor][] {
  const declared = actionsOf(prototype);
  const carriedOut = new Set(
    declared.flatMap(({ method, compensate, confirm }) => [method, compensate, confirm]),
  );
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
    ([name, { value }]: [string, PropertyDescriptor]) =>
      typeof value === 'function' &&
      name !== 'constructor' &&
      !HOOKS.has(name) &&
      !carriedOut.has(name) &&
      !isTransactionalMethod(value as object) &&
      isAsync(prototype, name, value),
  );
}

function placeOf(prototype: object, method: string | symbol): string {
  return `${prototype.constructor.name}.${String(method)}`;
}
