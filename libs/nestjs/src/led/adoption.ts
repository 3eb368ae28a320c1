import { MisuseError, type TransactionOptions } from '@atone/participant';

/** Runs a decorated method in a transaction of the application that has adopted its instance. */
export interface MethodRunner {
  run(transaction: TransactionOptions<never>, work: () => Promise<unknown>): Promise<unknown>;
}

/** Which application runs the decorated methods of whom. */
interface Adoptions {
  readonly byInstance: WeakMap<object, MethodRunner>;
  /** Of classes whose instances are made later, for a request for example. */
  readonly byPrototype: Map<object, Set<MethodRunner>>;
}

/** Shared by all copies of this library in the process. */
const KEY = Symbol.for('atone.adoptions');

const shared = globalThis as { [KEY]?: Adoptions };
const adoptions = (shared[KEY] ??= { byInstance: new WeakMap(), byPrototype: new Map() });

/** Lets the methods of `instance` run in transactions of `runner`. */
export function adoptInstance(instance: object, runner: MethodRunner): void {
  adoptions.byInstance.set(instance, runner);
}

/** Does the same for all instances whose class has this prototype. Returns what ends it. */
export function adoptClass(prototype: object, runner: MethodRunner): () => void {
  const runners = adoptions.byPrototype.get(prototype) ?? new Set();
  adoptions.byPrototype.set(prototype, runners.add(runner));
  return () => void runners.delete(runner);
}

/**
 * Returns who runs the decorated methods of `instance`.
 *
 * @throws MisuseError when that is nobody, or not to be told.
 */
export function runnerOf(instance: unknown, place: string): MethodRunner {
  if (typeof instance !== 'object' || instance === null) {
    throw new MisuseError(
      `${place} leads a global transaction, and was called without its instance. Call it as a method, or pass on a function that does: () => this.method().`,
    );
  }
  const runners = [...runnersOf(instance)];
  const [runner] = runners;
  if (runner === undefined) {
    throw new MisuseError(
      `${place} leads a global transaction, and was called on an instance that was not made by Nest in an application with AtoneModule, or before that has started. Get it from Nest: add the class to the providers of a module, have it injected, and import AtoneModule.forRoot. Elsewhere, use \`run\` of GlobalTransactions.`,
    );
  }
  if (runners.length > 1) {
    throw new MisuseError(
      `${place} leads a global transaction, and several applications of this process make instances of its class for each request, so that nobody can tell whose this one is. Give the class the default scope.`,
    );
  }
  return runner;
}

/** An object that was made from an adopted one, as some libraries do for their proxies, is adopted with it. */
function runnersOf(instance: object): Iterable<MethodRunner> {
  for (let at: unknown = instance; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) {
    const own = adoptions.byInstance.get(at);
    const ofClass = adoptions.byPrototype.get(at);
    if (own !== undefined) {
      return [own];
    }
    if (ofClass !== undefined && ofClass.size > 0) {
      return ofClass;
    }
  }
  return [];
}
