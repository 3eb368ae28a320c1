import nodeCrypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Code under simulation has asked for something that no seed decides: the wall clock, a real timer or real chance. */
class HiddenInputError extends Error {
  override readonly name = 'HiddenInputError';

  constructor(readonly what: string) {
    super(`${what} was called in a simulation, where only the seed may decide. Take it as an argument.`);
  }
}

type Call = (...args: unknown[]) => unknown;

interface Forbidden {
  readonly owner: object;
  readonly key: string;
  readonly what: string;
}

const FORBIDDEN: readonly Forbidden[] = [
  { owner: Date, key: 'now', what: 'Date.now()' },
  { owner: Math, key: 'random', what: 'Math.random()' },
  { owner: globalThis, key: 'setTimeout', what: 'setTimeout()' },
  { owner: globalThis, key: 'setInterval', what: 'setInterval()' },
  { owner: globalThis.crypto, key: 'randomUUID', what: 'crypto.randomUUID()' },
  { owner: globalThis.crypto, key: 'getRandomValues', what: 'crypto.getRandomValues()' },
];

const FORBIDDEN_OF_CRYPTO = ['randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync'];

const realPerformance = globalThis.performance;

/**
 * Takes the place of the global, and leaves the object itself as it is: a test runner shares that with what runs beside the simulation,
 * and measures by it.
 */
const PERFORMANCE = Object.create(realPerformance, {
  now: { value: () => refuse('performance.now()') },
}) as typeof realPerformance;

let report: ((error: Error) => void) | undefined;

/** Makes hidden inputs throw until the function that it returns is called; each is reported, too, lest it be caught. */
export function forbidHiddenInputs(whenUsed: (error: Error) => void): () => void {
  report = whenUsed;
  const RealDate = Date;
  const undo = FORBIDDEN.map(({ owner, key, what }) => replace(owner, key, () => refuse(what)));
  undo.push(replace(globalThis, 'performance', PERFORMANCE));
  globalThis.Date = new Proxy(RealDate, {
    construct(target, args: [], newTarget): Date {
      if (args.length === 0) {
        refuse('new Date()');
      }
      return Reflect.construct(target, args, newTarget) as Date;
    },
    apply: () => refuse('Date()'),
  });
  return () => {
    report = undefined;
    globalThis.Date = RealDate;
    for (const back of undo) {
      back();
    }
  };
}

/**
 * Watches `node:crypto` for as long as this process lives. Modules that import from it by name see a change only if all
 * built-in modules are told, which takes too long to be done for each run.
 */
export function watchCrypto(): void {
  const library = nodeCrypto as unknown as Record<string, Call>;
  for (const key of FORBIDDEN_OF_CRYPTO) {
    const real = library[key] as Call;
    library[key] = (...args) => {
      if (report !== undefined) {
        refuse(`${key}() of node:crypto`);
      }
      return real.apply(nodeCrypto, args);
    };
  }
  syncBuiltinESMExports();
}

function replace(owner: object, key: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  Object.defineProperty(owner, key, {
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
    value,
  });
  return () => {
    if (before === undefined) {
      Reflect.deleteProperty(owner, key);
    } else {
      Object.defineProperty(owner, key, before);
    }
  };
}

function refuse(what: string): never {
  const error = new HiddenInputError(what);
  report?.(error);
  throw error;
}
