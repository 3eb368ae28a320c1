import 'reflect-metadata';
import { MisuseError, type TransactionOptions } from '@atone/participant';
import { runnerOf } from './adoption.js';

export type Method = (this: unknown, ...args: unknown[]) => unknown;

const wrappers = new WeakSet<object>();

/** Returns `method` with a transaction around it. To others, Nest for example, it looks as the method itself does. */
export function transactionalMethod(
  method: Method,
  place: string,
  transaction: TransactionOptions<never>,
): Method {
  const wrapper = standIn(method, async function (this: unknown, ...args) {
    return runnerOf(this, place).run(transaction, () => promised(Reflect.apply(method, this, args), place));
  });
  wrappers.add(wrapper);
  return wrapper;
}

/** Lets `wrapper` look like `method`: its name, its length, and what decorators have noted down on it. */
export function standIn(method: Method, wrapper: Method): Method {
  const { prototype: _prototype, ...own } = Object.getOwnPropertyDescriptors(method);
  Object.defineProperties(wrapper, own);
  for (const key of Reflect.getOwnMetadataKeys(method) as readonly unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
  }
  return wrapper;
}

/** Tells whether `method` has a transaction around it. */
export function isTransactionalMethod(method: object): boolean {
  return wrappers.has(method);
}

const AsyncFunction = (async () => undefined).constructor;

/** Tells whether it is certain that the method returns a promise. */
export function isAsync(prototype: object, name: string | symbol, method: unknown): boolean {
  return method instanceof AsyncFunction || returnTypeOf(prototype, name) === Promise;
}

/** Tells whether it is certain that it does not. It need not be `async` itself, nor say what it returns. */
export function isSynchronous(prototype: object, name: string | symbol, method: unknown): boolean {
  const returnType = returnTypeOf(prototype, name);
  const isTold = typeof returnType === 'function' && returnType !== Object;
  return isTold && !isAsync(prototype, name, method);
}

/** What the compiler has noted down of a method with decorators. */
function returnTypeOf(prototype: object, name: string | symbol): unknown {
  return Reflect.getOwnMetadata('design:returntype', prototype, name);
}

async function promised(result: unknown, place: string): Promise<unknown> {
  const { then } = (result ?? {}) as { readonly then?: unknown };
  if (typeof then !== 'function') {
    throw new MisuseError(notAsync(place));
  }
  return result;
}

/** Returns what is wrong with a synchronous method. */
export function notAsync(place: string): string {
  return `@GlobalTransaction is on ${place}, which is not asynchronous: nobody could wait for the end of its transaction. Make it an \`async\` method.`;
}
