import { isJsonObject, PLAN_INPUT, pointerOf, resolvePointer, type Json } from '@atone/core';
import type { FieldProblem } from '@atone/protocol';
import type { PayloadSchema } from './contract.js';
import { InvalidSagaInputError } from './saga-builder.errors.js';

/**
 * Returns `input` as `schema` reads it, in JSON.
 *
 * @throws InvalidSagaInputError naming each field that does not fit, or that JSON cannot hold.
 */
export function readSagaInput(saga: string, schema: PayloadSchema, input: unknown): Json {
  const read = schema.safeParse(input);
  if (!read.success) {
    const errors = read.error.issues.map(({ path, message }) => ({ field: fieldOf(path), message }));
    throw new InvalidSagaInputError(saga, errors, { cause: read.error });
  }
  const errors: FieldProblem[] = [];
  const document = jsonOf(read.data, { path: [], errors });
  if (errors.length > 0) {
    throw new InvalidSagaInputError(saga, errors);
  }
  return document ?? null;
}

/**
 * Returns `template` without the members that refer to a part of the saga's input that is not there, as a member that
 * is undefined is left out of JSON. An item of a list cannot be left out without moving those behind it.
 */
export function leaveOutMissing(
  template: Json,
  document: Json,
):
  { readonly ok: true; readonly value: Json | undefined } | { readonly ok: false; readonly missing: string } {
  const missing: string[] = [];
  const value = prune(template, { document, missing });
  const [first] = missing;
  return first === undefined ? { ok: true, value } : { ok: false, missing: first };
}

function prune(template: Json, search: { document: Json; missing: string[] }): Json | undefined {
  if (Array.isArray(template)) {
    return (template as readonly Json[]).map((item) => pruneItem(item, search));
  }
  if (!isJsonObject(template) || Object.hasOwn(template, '$literal')) {
    return template;
  }
  if (Object.hasOwn(template, '$from')) {
    return missingPointer(template, search.document) === undefined ? template : undefined;
  }
  const members = Object.entries(template).flatMap(([key, value]): [string, Json][] => {
    const kept = prune(value, search);
    return kept === undefined ? [] : [[key, kept]];
  });
  return Object.fromEntries(members);
}

function pruneItem(item: Json, search: { document: Json; missing: string[] }): Json {
  const kept = prune(item, search);
  if (kept === undefined) {
    search.missing.push(missingPointer(item, search.document) ?? '');
  }
  return kept ?? null;
}

function missingPointer(reference: Json, document: Json): string | undefined {
  if (!isJsonObject(reference) || reference['$from'] !== PLAN_INPUT) {
    return undefined;
  }
  const pointer = typeof reference['pointer'] === 'string' ? reference['pointer'] : '';
  return resolvePointer(document, pointer) === undefined ? pointer : undefined;
}

interface Spot {
  readonly path: readonly string[];
  readonly errors: FieldProblem[];
}

function jsonOf(value: unknown, spot: Spot): Json | undefined {
  if (Array.isArray(value)) {
    return value.map((item, position) => jsonOf(item, below(spot, String(position))) ?? null);
  }
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    const members = Object.entries(value).flatMap(([key, member]): [string, Json][] => {
      const json = jsonOf(member, below(spot, key));
      return json === undefined ? [] : [[key, json]];
    });
    return Object.fromEntries(members);
  }
  return scalarOf(value, spot);
}

function scalarOf(value: unknown, spot: Spot): Json | undefined {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    return value;
  }
  const kind = typeof value === 'object' ? value.constructor.name : typeof value;
  spot.errors.push({
    field: pointerOf(spot.path),
    message: `is a ${kind} after its schema, which JSON cannot hold`,
  });
  return undefined;
}

function below(spot: Spot, key: string): Spot {
  return { path: [...spot.path, key], errors: spot.errors };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function fieldOf(path: readonly PropertyKey[]): string {
  return pointerOf(path.map(String));
}
