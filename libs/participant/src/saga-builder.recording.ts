import { PLAN_INPUT, pointerOf, referenceTo, type Json } from '@atone/core';

/*
 * A mapping is run once, when the saga is built, over stand-ins for the values that will be there later. A stand-in
 * knows only where its value will be found. Whatever asks it for the value itself throws, because the plan is JSON and
 * has no words for a calculation. (Comparing stand-ins by `===` and testing them for truth cannot be noticed; the
 * types refuse the first.)
 */

/** A mapping does what the JSON of a plan cannot say. */
export class UnmappableError extends Error {
  override readonly name = 'UnmappableError';
}

interface Place {
  readonly from: string;
  readonly path: readonly string[];
}

const places = new WeakMap<object, Place>();

/** Returns a stand-in for the output of step `from`, or for the plan's input. */
export function standIn(from: string): object {
  return standInAt({ from, path: [] });
}

/**
 * Returns the stand-ins for the outputs of the steps `names`, by name.
 *
 * @throws UnmappableError when another name is asked for.
 */
export function standInsOf(names: readonly string[]): object {
  const outputs = Object.fromEntries(names.map((name) => [name, standIn(name)]));
  return new Proxy(outputs, {
    get(target, key) {
      if (typeof key === 'string' && Object.hasOwn(target, key)) {
        return target[key];
      }
      const known = names.length === 0 ? 'no step comes before it' : `there are ${names.join(', ')}`;
      throw new UnmappableError(`it asks for the output of '${String(key)}', but ${known}.`);
    },
    ...trapsThatThrow(() => 'the outputs of earlier steps'),
  });
}

/** Returns what a mapping returned as the input of a step, as it stands in a plan. */
export function compileMapping(value: unknown, path: readonly string[] = []): Json {
  const place = placeOf(value);
  if (place !== undefined) {
    return referenceTo(place.from, pointerOf(place.path));
  }
  if (Array.isArray(value)) {
    return value.map((item, position) => compileMapping(item, [...path, String(position)]));
  }
  if (typeof value !== 'object' || value === null) {
    return compileScalar(value, path);
  }
  return compileObject(value, path);
}

function compileObject(value: object, path: readonly string[]): Json {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const kind = value.constructor.name;
    throw new UnmappableError(`${spot(path)} is a ${kind}, and the input of a step must be JSON.`);
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const compiled = Object.fromEntries(
    members.map(([key, member]) => [key, compileMapping(member, [...path, key])]),
  );
  if (!Object.hasOwn(value, '$from') && !Object.hasOwn(value, '$literal')) {
    return compiled;
  }
  if (holdsStandIn(value)) {
    throw new UnmappableError(
      `${spot(path)} has a member called $from or $literal beside references, which a plan cannot tell from a reference of its own.`,
    );
  }
  return { $literal: plainJson(value) };
}

function compileScalar(value: unknown, path: readonly string[]): Json {
  const isJson =
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value));
  if (!isJson) {
    const kind = typeof value === 'number' ? String(value) : typeof value;
    throw new UnmappableError(`${spot(path)} is ${kind}, and the input of a step must be JSON.`);
  }
  return value;
}

/** What has passed `compileMapping` holds only JSON and members that are undefined. */
function plainJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function holdsStandIn(value: unknown): boolean {
  if (placeOf(value) !== undefined) {
    return true;
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsStandIn);
}

function placeOf(value: unknown): Place | undefined {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? places.get(value) : undefined;
}

function standInAt(place: Place): object {
  const name = () => `'${[place.from === PLAN_INPUT ? 'input' : place.from, ...place.path].join('.')}'`;
  // A function, so that calling it (as JSON.stringify calls `toJSON`, and `await` calls `then`) can be noticed.
  const proxy = new Proxy(function standsForAValue() {}, {
    get(_target, key) {
      if (typeof key === 'symbol') {
        throw calculation(`uses ${name()} as a value`);
      }
      return standInAt({ from: place.from, path: [...place.path, key] });
    },
    apply() {
      throw calculation(`calls ${name()}`);
    },
    construct() {
      throw calculation(`calls ${name()}`);
    },
    ...trapsThatThrow(name),
  });
  places.set(proxy, place);
  return proxy;
}

function trapsThatThrow(name: () => string) {
  const looksInto = (): never => {
    throw calculation(`looks into ${name()} (by spreading it, listing its keys, 'in' or 'instanceof')`);
  };
  const changes = (): never => {
    throw calculation(`changes ${name()}`);
  };
  return {
    has: looksInto,
    ownKeys: looksInto,
    getOwnPropertyDescriptor: looksInto,
    getPrototypeOf: looksInto,
    set: changes,
    defineProperty: changes,
    deleteProperty: changes,
    setPrototypeOf: changes,
  };
}

function calculation(what: string): UnmappableError {
  return new UnmappableError(
    `it ${what}, which is not known before the saga runs. A mapping can only pass values on: calculate before the saga starts, and put the result into its input, or let the participant calculate.`,
  );
}

function spot(path: readonly string[]): string {
  return path.length === 0 ? 'what it returns' : pointerOf(path);
}
