import { currentTransaction, MisuseError, type Propagation } from '@atone/participant';
import { standIn, type Method } from './transactional.method.js';

/**
 * Returns what stands for a method that is not `async`, of a class with `@GlobalTransaction`. It passes everything on but a
 * promise whose work ran otherwise than the class says: in no transaction, for example, where nothing of it would be undone.
 */
export function synchronousMethod(method: Method, place: string, propagation: Propagation): Method {
  return standIn(method, function (this: unknown, ...args) {
    const isMissed = isTransactionMissed(propagation);
    const result = Reflect.apply(method, this, args);
    return isMissed && isPromise(result) ? refused(result, place) : result;
  });
}

/** Tells whether a transaction around the method would have made a difference where the code runs now. */
function isTransactionMissed(propagation: Propagation): boolean {
  const isInside = currentTransaction() !== undefined;
  switch (propagation) {
    case 'REQUIRED':
    case 'MANDATORY':
      return !isInside;
    case 'NOT_SUPPORTED':
    case 'NEVER':
      return isInside;
    case 'REQUIRES_NEW':
    case 'NESTED':
      return true;
    case 'SUPPORTS':
      return false;
  }
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

async function refused(result: PromiseLike<unknown>, place: string): Promise<never> {
  // The misuse is what has to be mended first; that nobody looks at what its work throws must not end the process.
  void Promise.allSettled([result]);
  throw new MisuseError(
    `${place} returned a promise, and is not declared \`async\`. @GlobalTransaction on its class applies only to methods that are, so it did not run in a transaction of its own. ` +
      'Write `async` before it, or put @GlobalTransaction on the method itself. Helpers that no transaction belongs around are `#private`.',
  );
}
