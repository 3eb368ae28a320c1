import { isJsonObject, type Json } from './json.js';

const POINTER = /^(?:\/(?:[^~/]|~[01])*)*$/u;
const ARRAY_INDEX = /^(?:0|[1-9]\d{0,8})$/u;

/** Tells whether `pointer` is a JSON pointer (RFC 6901). */
export function isJsonPointer(pointer: string): boolean {
  return POINTER.test(pointer);
}

/** Returns the value that `pointer` (RFC 6901) names inside `document`, or undefined when there is none. */
export function resolvePointer(document: Json, pointer: string): Json | undefined {
  if (!isJsonPointer(pointer)) {
    return undefined;
  }
  let value: Json | undefined = document;
  for (const part of pointer.split('/').slice(1)) {
    value = member(value, part.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return value;
}

/** Joins the parts of a path into one JSON pointer. */
export function pointerOf(parts: readonly string[]): string {
  return parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function member(value: Json | undefined, key: string): Json | undefined {
  if (isJsonObject(value)) {
    return Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return Array.isArray(value) && ARRAY_INDEX.test(key) ? (value as readonly Json[])[Number(key)] : undefined;
}
