import { isJsonPointer, resolvePointer } from './json-pointer.js';
import { isJsonObject, type Json, type JsonObject } from './json.js';
import { PLAN_INPUT } from './plan.js';

/** A place in a step's input that is filled from the plan's input or from an earlier step's output. */
export interface InputReference {
  readonly from: string;
  readonly pointer: string;
}

export type ResolvedInput =
  { readonly ok: true; readonly input: Json } | { readonly ok: false; readonly missing: InputReference };

/**
 * Returns `template` with every reference replaced by what it names.
 *
 * `{"$from": "reserve", "pointer": "/price"}` is a reference; `{"$literal": x}` stands for `x` as it is, so that a
 * payload may itself hold a member called `$from`.
 */
export function resolveInput(template: Json, source: (from: string) => Json | undefined): ResolvedInput {
  try {
    return { ok: true, input: fill(template, source) };
  } catch (error) {
    if (error instanceof MissingReference) {
      return { ok: false, missing: error.reference };
    }
    throw error;
  }
}

/** Returns all references inside `template`; malformed ones are reported as text. */
export function referencesIn(template: Json): { references: InputReference[]; malformed: string[] } {
  const found = { references: [] as InputReference[], malformed: [] as string[] };
  collect(template, found);
  return found;
}

/** Returns the reference to `pointer` inside the plan's input or an earlier step's output, as it stands in a plan. */
export function referenceTo(from: string, pointer: string): JsonObject {
  return { $from: from, pointer };
}

class MissingReference extends Error {
  constructor(readonly reference: InputReference) {
    super(`Nothing is at ${reference.pointer} of ${reference.from}.`);
  }
}

function fill(template: Json, source: (from: string) => Json | undefined): Json {
  if (Array.isArray(template)) {
    return (template as readonly Json[]).map((item) => fill(item, source));
  }
  if (!isJsonObject(template)) {
    return template;
  }
  if (Object.hasOwn(template, '$literal')) {
    return template['$literal'] ?? null;
  }
  const reference = readReference(template);
  return reference === undefined ? fillMembers(template, source) : fetchReference(reference, source);
}

/** Copies only where something is filled in: most inputs refer to nothing. */
function fillMembers(template: JsonObject, source: (from: string) => Json | undefined): JsonObject {
  let filled: Record<string, Json> | undefined;
  for (const [key, value] of Object.entries(template)) {
    const found = fill(value, source);
    if (found !== value) {
      filled ??= { ...template };
      // The copy has the member already, so that not even one called `__proto__` does more than take a value.
      filled[key] = found;
    }
  }
  return filled ?? template;
}

function fetchReference(reference: InputReference, source: (from: string) => Json | undefined): Json {
  const document = source(reference.from);
  const value = document === undefined ? undefined : resolvePointer(document, reference.pointer);
  if (value === undefined) {
    throw new MissingReference(reference);
  }
  return value;
}

function collect(template: Json, found: { references: InputReference[]; malformed: string[] }): void {
  if (Array.isArray(template)) {
    for (const item of template as readonly Json[]) {
      collect(item, found);
    }
    return;
  }
  if (!isJsonObject(template) || Object.hasOwn(template, '$literal')) {
    return;
  }
  if (!Object.hasOwn(template, '$from')) {
    for (const value of Object.values(template)) {
      collect(value, found);
    }
    return;
  }
  const reference = readReference(template);
  if (reference === undefined) {
    found.malformed.push(JSON.stringify(template));
  } else {
    found.references.push(reference);
  }
}

function readReference(template: JsonObject): InputReference | undefined {
  const from = template['$from'];
  if (typeof from !== 'string') {
    return undefined;
  }
  const { pointer = '' } = template;
  const isAlone = Object.keys(template).every((key) => key === '$from' || key === 'pointer');
  return isAlone && typeof pointer === 'string' && isJsonPointer(pointer) ? { from, pointer } : undefined;
}

/** Tells whether `from` names the plan's own input rather than a step. */
export function isPlanInput(from: string): boolean {
  return from === PLAN_INPUT;
}
