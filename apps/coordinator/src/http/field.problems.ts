import { pointerOf, similarName } from '@atone/core';
import type { FieldProblem } from '@atone/protocol';
import { z } from 'zod';

/** A caller who has more than this wrong needs no longer list. */
const PROBLEM_COUNT_MAX = 20;

type Path = readonly PropertyKey[];

/** What was checked, and how its fields are called. */
export interface Checked {
  readonly schema: z.ZodType;
  readonly value: unknown;
  /** `body`: by JSON pointer. Else by the name of the query parameter, header or part of the path. */
  readonly place: 'body' | 'names';
  /** The name of the value itself where it has one. */
  readonly name?: string | undefined;
}

/** Returns what zod found, each with the name of its field and in words that say what to do. */
export function fieldProblems(issues: readonly z.core.$ZodIssue[], checked: Checked): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const issue of issues) {
    if (problems.length >= PROBLEM_COUNT_MAX) {
      break;
    }
    problems.push(...problemsOf(issue, checked).slice(0, PROBLEM_COUNT_MAX - problems.length));
  }
  return problems;
}

function problemsOf(issue: z.core.$ZodIssue, checked: Checked): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownNames(checked.schema, issue.path);
    return issue.keys.slice(0, PROBLEM_COUNT_MAX).map((key) => ({
      field: fieldName([...issue.path, key], checked),
      message: unknownMessage(key, known),
    }));
  }
  return [{ field: fieldName(issue.path, checked), message: messageOf(issue, checked) }];
}

function unknownMessage(name: string, known: readonly string[]): string {
  const similar = similarName(name, known);
  return similar === undefined ? 'is not known here' : `is not known here; the nearest one is '${similar}'`;
}

function messageOf(issue: z.core.$ZodIssue, { value }: Checked): string {
  if (issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined) {
    return 'is missing';
  }
  if (issue.code === 'invalid_format' && issue.format === 'datetime') {
    return 'must be an instant such as 2026-01-31T12:00:00Z';
  }
  return issue.message
    .replace(/^(?:Invalid input|Invalid option|Too small|Too big): /u, 'is not valid: ')
    .replace(/^Invalid (?=[A-Za-z])/u, 'is no valid ');
}

function fieldName(path: Path, { place, name }: Checked): string {
  if (place === 'body') {
    return pointerOf(path.map(String));
  }
  return name ?? path.map(String).join('.');
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (parent, key) => (typeof parent === 'object' && parent !== null ? Reflect.get(parent, key) : undefined),
    value,
  );
}

/** Returns the names of the members that the schema allows at `path`. */
function knownNames(schema: z.core.$ZodType, path: Path): readonly string[] {
  const bare = unwrapped(schema);
  const [key, ...rest] = path;
  if (key === undefined) {
    return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
  }
  const inner = memberSchema(bare, key);
  return inner === undefined ? [] : knownNames(inner, rest);
}

function memberSchema(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Readonly<Record<PropertyKey, z.core.$ZodType>>;
    return shape[key];
  }
  if (schema instanceof z.ZodArray) {
    return schema.element;
  }
  return undefined;
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapper ? unwrapped(schema.unwrap()) : schema;
}
