import { createHash } from 'node:crypto';
import { isJsonObject, type Json } from '@atone/core';

/** Returns the one spelling of a JSON value: keys sorted by code unit, no spaces. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
  }
  if (isJsonObject(value)) {
    const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
    return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Returns the SHA-256, in hex, of what an action is given. No input is not the same as `null`. */
export function inputHash(input: Json | undefined): string {
  return createHash('sha256')
    .update(input === undefined ? '' : canonicalJson(input))
    .digest('hex');
}
