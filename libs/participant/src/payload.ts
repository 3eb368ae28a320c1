import { JSON_DEPTH_MAX, nestsDeeper, type Json } from '@atone/core';
import { z } from 'zod';
import type { ActionContract, PayloadSchema } from './contract.js';
import { BranchFailure } from './branch.failure.js';
import { MisuseError } from './participant.error.js';

/** What a reply may hold. Coordinators drop a reply of more than 64 KiB, and would ask for ever. */
const REPLY_BYTES_MAX = 60_000;

/** Returns what an action's handler is given, perhaps later. @throws BranchFailure if the contract's schema refuses it. */
export function readInput(contract: ActionContract, input: Json | undefined): unknown {
  return parsed(contract.input, isVoid(contract.input) ? undefined : input, ({ success, data, error }) => {
    if (!success) {
      throw new BranchFailure(
        'bad-payload',
        `The input of ${contract.service}.${contract.name} does not fit its contract: ${issuesOf(error)}`,
      );
    }
    return data;
  });
}

/** Returns what crosses the wire for what a handler returned, perhaps later. @throws BranchFailure if the contract refuses it. */
export function writeOutput(contract: ActionContract, value: unknown): Promise<Json> | Json {
  if (isVoid(contract.output)) {
    return null;
  }
  return parsed(contract.output, value, ({ success, data, error }) => {
    const what = `what ${contract.service}.${contract.name} returned`;
    if (!success) {
      throw new BranchFailure('code', `W${what.slice(1)} does not fit its contract: ${issuesOf(error)}`);
    }
    return replyJson(data, what);
  });
}

/** Returns what crosses the wire for what a caller hands in. @throws MisuseError if the contract refuses it, or JSON does. */
export async function writeInput(contract: ActionContract, value: unknown): Promise<Json | undefined> {
  const what = `The input of ${contract.service}.${contract.name}`;
  if (isVoid(contract.input)) {
    return undefined;
  }
  const result = await contract.input.safeParseAsync(value);
  if (!result.success) {
    throw new MisuseError(`${what} does not fit its contract: ${issuesOf(result.error)}`);
  }
  try {
    // As it was handed in: the participant's schema reads it again, and fills in what is left out.
    return toJson(value, what);
  } catch (error) {
    throw error instanceof BranchFailure ? new MisuseError(error.message, { cause: error }) : error;
  }
}

/** Returns what a caller is given for what a participant answered. @throws MisuseError if the contract refuses it. */
export async function readOutput(contract: ActionContract, output: Json): Promise<unknown> {
  if (isVoid(contract.output)) {
    return undefined;
  }
  const result = await contract.output.safeParseAsync(output);
  if (!result.success) {
    throw new MisuseError(
      `What ${contract.service}.${contract.name} answered does not fit its contract here: ${issuesOf(result.error)}. The two ` +
        'services have different versions of it.',
    );
  }
  return result.data;
}

/** Returns a part of a reply as JSON. @throws BranchFailure if it is none, or too large for a reply. */
export function replyJson(value: unknown, what: string): Json {
  if (value === null || typeof value === 'boolean') {
    return value;
  }
  const json = toJson(value, what);
  const text = JSON.stringify(json);
  if (nestsDeeper(text, JSON_DEPTH_MAX)) {
    throw new BranchFailure('code', `There are more than ${JSON_DEPTH_MAX} levels of nesting in ${what}.`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > REPLY_BYTES_MAX) {
    throw new BranchFailure(
      'code',
      `There are ${bytes} octets of JSON in ${what}, and ${REPLY_BYTES_MAX} are the limit. Send a reference to it.`,
    );
  }
  return json;
}

/**
 * Returns the schema of an action's input or output for the catalogue, or undefined where there is nothing to send.
 *
 * @throws MisuseError if a part of it cannot be JSON.
 */
export function jsonSchemaOf(contract: ActionContract, side: 'input' | 'output'): Json | undefined {
  const schema = contract[side];
  if (isVoid(schema)) {
    return undefined;
  }
  try {
    return z.toJSONSchema(schema, { io: side }) as Json;
  } catch (cause) {
    const field = culpritOf(schema, side);
    throw new MisuseError(
      `The ${side} of ${contract.service}.${contract.name} cannot cross the wire as JSON: ${field.type} ` +
        `${field.path === '' ? 'as a whole' : `at ${field.path}`}. Use what JSON has instead, e.g. z.iso.datetime() for a ` +
        'date, z.string() for a bigint, z.record() for a map.',
      { cause },
    );
  }
}

/**
 * Returns `value` as the JSON that it is, without members that are undefined.
 *
 * @throws BranchFailure for what JSON would lose or change in silence: dates, maps, NaN, functions.
 */
function toJson(value: unknown, what: string, path = ''): Json {
  if (isScalar(value)) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => toJson(item ?? null, what, `${path}/${index}`));
  }
  if (isRecord(value)) {
    const members = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(members.map(([key, item]) => [key, toJson(item, what, `${path}/${key}`)]));
  }
  if (value === undefined && path === '') {
    return null;
  }
  const kind = typeof value === 'object' ? value.constructor.name : typeof value;
  throw new BranchFailure(
    'code',
    `A part of ${what} is no JSON: ${kind} at ${path === '' ? 'its root' : path}.`,
  );
}

function isScalar(value: unknown): value is null | string | boolean | number {
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !('toJSON' in value) &&
    !(Symbol.iterator in value) &&
    Object.prototype.toString.call(value) === '[object Object]'
  );
}

/**
 * Has `schema` read `value`, as its `safeParseAsync` would: each promise costs a command more than most schemas do, and only those wait
 * that have something to wait for. What does not fit is read once more, for the words.
 */
function parsed<Result>(
  schema: PayloadSchema,
  value: unknown,
  then: (read: z.ZodSafeParseResult<unknown>) => Result,
): Promise<Result> | Result {
  const judge = ({ issues, value: data }: z.core.ParsePayload): Promise<Result> | Result =>
    issues.length > 0 ? schema.safeParseAsync(value).then(then) : then({ success: true, data });
  // oxlint-disable-next-line no-underscore-dangle -- zod's door for libraries
  const read = schema._zod.run({ value, issues: [] }, { async: true });
  return read instanceof Promise ? read.then(judge) : judge(read);
}

function isVoid(schema: PayloadSchema): boolean {
  return schema instanceof z.ZodVoid || schema instanceof z.ZodUndefined;
}

/** Names fields and what is wrong with them, never what they hold. */
function issuesOf(error: z.ZodError): string {
  const issues = error.issues
    .slice(0, 5)
    .map((issue) => `/${issue.path.map(String).join('/')}: ${issue.message}`);
  const restCount = error.issues.length - issues.length;
  return `${issues.join('; ')}${restCount > 0 ? `; and ${restCount} more` : ''}`;
}

const WITHOUT_JSON = new Set([
  'bigint',
  'custom',
  'date',
  'file',
  'function',
  'map',
  'nan',
  'promise',
  'set',
  'symbol',
  'transform',
  'undefined',
  'void',
]);

function culpritOf(schema: PayloadSchema, side: 'input' | 'output'): { type: string; path: string } {
  const found: { type: string; path: string }[] = [];
  z.toJSONSchema(schema, {
    io: side,
    unrepresentable: 'any',
    override: ({ zodSchema, path }) => {
      const { type } = zodSchema._zod.def; // oxlint-disable-line no-underscore-dangle -- zod's door for libraries
      if (WITHOUT_JSON.has(type)) {
        found.push({ type: `z.${type}()`, path: fieldOf(path) });
      }
    },
  });
  return found[0] ?? { type: 'a schema', path: '' };
}

/** `properties/a/items` in JSON schema is `a[]` to the author. */
function fieldOf(path: readonly (string | number)[]): string {
  const names = path.map((part, index) =>
    part === 'items' && path[index - 1] !== 'properties' ? '[]' : part,
  );
  return names.filter((part, index) => part !== 'properties' || names[index - 1] === 'properties').join('.');
}
