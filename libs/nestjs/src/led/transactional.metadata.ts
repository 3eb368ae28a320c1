/** Shared by all copies of this library in the process. */
const KEY = Symbol.for('atone.transactional');

const shared = globalThis as { [KEY]?: WeakSet<object> };
const prototypes = (shared[KEY] ??= new WeakSet<object>());

/** Notes down that a class has methods that lead transactions. */
export function declareTransactional(prototype: object): void {
  prototypes.add(prototype);
}

/** Tells whether objects with this prototype have methods that lead transactions, their own or inherited ones. */
export function isTransactional(prototype: unknown): prototype is object {
  for (let at = prototype; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at) as unknown) {
    if (prototypes.has(at)) {
      return true;
    }
  }
  return false;
}
