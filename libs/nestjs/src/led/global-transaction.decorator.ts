import { MisuseError, type TransactionOptions } from '@atone/participant';
import { actionsOf } from '../action.metadata.js';
import { synchronousMethod } from './synchronous.method.js';
import { transactionName } from './transaction.name.js';
import { refuseBadOptions } from './transaction.option.checks.js';
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

/** Fits asynchronous methods that return what the options expect, and classes whose public methods all are such. */
export interface GlobalTransactionDecorator<Result> {
  <Decorated extends (...args: never[]) => Promise<Result>>(
    prototype: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<Decorated>,
  ): void;
  <Target extends Class>(target: Target & Leading<InstanceType<Target>, Result>): void;
}

type Class = abstract new (...args: never[]) => object;

/** Nothing more to ask of a class; or what the compiler shows in its message where the decorator does not fit. */
type Leading<Instance, Result> = [Unfit<Instance, Result>] extends [never]
  ? unknown
  : { readonly 'make these methods async, or decorate single methods': Unfit<Instance, Result> };

/** The public methods that return no promise, or another one. Not what is `private` or `protected`. */
type Unfit<Instance, Result> = {
  [Name in Exclude<keyof Instance & string, Hook>]: Instance[Name] extends (...args: never[]) => unknown
    ? Instance[Name] extends (...args: never[]) => Promise<Result>
      ? never
      : Name
    : never;
}[Exclude<keyof Instance & string, Hook>];

/**
 * Makes an asynchronous method the whole of a global transaction: what the services that it calls have done is kept when it
 * returns, and undone when it throws. On a class it does so for each `async` method that the class itself declares; its public
 * methods must all be asynchronous. One that is not declared `async` and returns a promise outside of a transaction throws.
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
  ...rest: readonly never[]
): GlobalTransactionDecorator<Result> {
  if (typeof options === 'function' || rest.length > 0) {
    throw new MisuseError(WITHOUT_PARENTHESES);
  }
  return (target: object, method?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (method === undefined) {
      decorateClass(target as Class, options);
    } else {
      decorateMethod(target, method, { descriptor, options });
    }
  };
}

const WITHOUT_PARENTHESES =
  '@GlobalTransaction stands without parentheses. Write `@GlobalTransaction()`, or with options `@GlobalTransaction({ … })`.';

interface Use {
  readonly descriptor: PropertyDescriptor | undefined;
  readonly options: GlobalTransactionOptions<never>;
}

/** Nest calls these by itself, outside of any business. */
const HOOKS = [
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
] as const;

type Hook = (typeof HOOKS)[number];

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
  refuseBadOptions(place, options);
  const name = options.name ?? transactionName(prototype.constructor.name, method);
  descriptor.value = transactionalMethod(descriptor.value as Method, place, { ...options, name });
  declareTransactional(prototype);
}

function decorateClass(target: Class, options: GlobalTransactionOptions<never>): void {
  const prototype = target.prototype as object;
  refuseBadOptions(`the class ${target.name}`, options);
  const methods = ownMethods(prototype);
  if (!methods.some(({ isLeading }) => isLeading)) {
    throw new MisuseError(
      `@GlobalTransaction is on the class ${target.name}, which declares no \`async\` method that could lead a transaction. ` +
        'Write `async` before those that shall, or put it on single methods. If they are, the compiler has removed the word: set its `target` to ES2017 or later.',
    );
  }
  const uncovered = methods.filter(({ descriptor }) => !isTransactionalMethod(descriptor.value as object));
  for (const { method, descriptor, isLeading } of uncovered) {
    const place = placeOf(prototype, method);
    const original = descriptor.value as Method;
    const value = isLeading
      ? transactionalMethod(original, place, {
          ...options,
          name: transactionName(options.name ?? target.name, method),
        })
      : synchronousMethod(original, place, options.propagation ?? 'REQUIRED');
    Object.defineProperty(prototype, method, { ...descriptor, value });
  }
  declareTransactional(prototype);
}

interface OwnMethod {
  readonly method: string;
  readonly descriptor: PropertyDescriptor;
  /** Whether it is a transaction, or has a decorator by which it is one already. */
  readonly isLeading: boolean;
}

/** All that have a name, but those that Nest or the coordinator calls. */
function ownMethods(prototype: object): OwnMethod[] {
  const carriedOut = actionsOf(prototype).flatMap(({ method, compensate, confirm }) => [
    method,
    compensate,
    confirm,
  ]);
  const others = new Set<unknown>(['constructor', ...HOOKS, ...carriedOut]);
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(
      ([name, { value }]: [string, PropertyDescriptor]) => typeof value === 'function' && !others.has(name),
    )
    .map(([method, descriptor]: [string, PropertyDescriptor]) => ({
      method,
      descriptor,
      isLeading:
        isTransactionalMethod(descriptor.value as object) || isAsync(prototype, method, descriptor.value),
    }));
}

function placeOf(prototype: object, method: string | symbol): string {
  return `${prototype.constructor.name}.${String(method)}`;
}
