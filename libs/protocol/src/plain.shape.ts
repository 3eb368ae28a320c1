import type { z } from 'zod';
import { isName } from './json.schema.js';

/*
 * What a plain reader is made of: checks of values that were parsed, which ask less than a schema does, and never more is told to be
 * fine than it would.
 */

export type Check = (value: unknown) => boolean;

export type Checks = Readonly<Record<string, Check>>;

/** Returns what tells whether a value has all that is required, perhaps what is optional, and nothing else. */
export function shapeOf(required: Checks, optional: Checks = {}): Check {
  const checks = new Map(Object.entries({ ...required, ...optional }));
  const names = Object.keys(required);
  return (value) =>
    isRecord(value) && names.every((name) => Object.hasOwn(value, name)) && eachFits(value, checks);
}

function eachFits(value: Readonly<Record<string, unknown>>, checks: ReadonlyMap<string, Check>): boolean {
  // oxlint-disable-next-line guard-for-in -- what was parsed inherits nothing that is listed
  for (const name in value) {
    if (checks.get(name)?.(value[name]) !== true) {
      return false;
    }
  }
  return true;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJson(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? value.every(isJson) : hasJson(value as Readonly<Record<string, unknown>>);
  }
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    // A number may be too large to be one.
    Number.isFinite(value)
  );
}

function hasJson(value: Readonly<Record<string, unknown>>): boolean {
  // oxlint-disable-next-line guard-for-in -- see above
  for (const name in value) {
    // The schema takes that name away.
    if (name === '__proto__' || !isJson(value[name])) {
      return false;
    }
  }
  return true;
}

export function textOf(lengthMin: number, lengthMax: number): Check {
  return (value) => typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax;
}

/** Returns what tells whether a value is a list of so many, each of which fits. */
export function listOf(fits: Check, countMin: number, countMax: number): Check {
  return (value) =>
    Array.isArray(value) && value.length >= countMin && value.length <= countMax && value.every(fits);
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

export function isKnownName(value: unknown): boolean {
  return typeof value === 'string' && isName(value);
}

export function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

/** Returns what tells whether a value is one of these. */
export function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

/** For what is rare. */
export function by(schema: z.ZodType): Check {
  return (value) => schema.safeParse(value).success;
}
