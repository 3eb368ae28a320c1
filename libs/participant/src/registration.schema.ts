import { pointerOf, type Json } from '@atone/core';
import type { ActionEntry } from '@atone/protocol';
import { z } from 'zod';
import type { ActionContract, PayloadSchema } from './contract.js';

/** An action as the catalogue has to know it. `compensate` matters only by its presence. */
export interface RegisteredAction {
  readonly contract: ActionContract;
  readonly compensate?: unknown;
  readonly retry?: ActionEntry['retry'] | undefined;
}

/** A schema of a contract describes what JSON cannot hold, so its values could never travel. */
export class InvalidContractError extends Error {
  override readonly name = 'InvalidContractError';
  readonly code = 'INVALID_CONTRACT';
  readonly retryable = false;

  constructor(
    readonly contract: ActionContract,
    readonly fields: readonly string[],
  ) {
    const places = fields.join(', ');
    super(
      `The action ${contract.service}/${contract.name} cannot be offered: JSON has no words for ${places}. Use a type that JSON has, such as z.iso.datetime() for a date or z.string() for a big integer.`,
    );
  }
}

const NOT_JSON: ReadonlySet<string> = new Set([
  'bigint',
  'date',
  'file',
  'function',
  'map',
  'nan',
  'promise',
  'set',
  'symbol',
]);

/**
 * Returns `action` as it is entered in the catalogue.
 *
 * @throws InvalidContractError naming the fields that JSON cannot hold.
 */
export function actionEntryOf(action: RegisteredAction): ActionEntry {
  const { contract, compensate, retry } = action;
  const input = jsonSchemaOf(contract.input, 'input');
  const output = jsonSchemaOf(contract.output, 'output');
  const fields = [...input.notJson, ...output.notJson];
  if (fields.length > 0) {
    throw new InvalidContractError(contract, fields);
  }
  return {
    name: contract.name,
    hasCompensation: compensate !== undefined,
    inputSchema: input.schema,
    outputSchema: output.schema,
    ...(retry === undefined ? {} : { retry }),
  };
}

function jsonSchemaOf(schema: PayloadSchema, io: 'input' | 'output'): { schema: Json; notJson: string[] } {
  const notJson: string[] = [];
  const document = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, path }) => {
      // oxlint-disable-next-line no-underscore-dangle -- zod's published way to look into a schema
      const { type } = zodSchema._zod.def;
      if (NOT_JSON.has(type)) {
        notJson.push(`${io} ${fieldOf(path)} (${type})`.replace('  ', ' '));
      }
    },
  });
  return { schema: document as Json, notJson: notJson.toReversed() };
}

/** Returns where in the payload the part of the JSON schema at `path` belongs. */
function fieldOf(path: readonly (string | number)[]): string {
  const parts: string[] = [];
  for (let position = 0; position < path.length; position += 1) {
    const keyword = path[position];
    if (keyword === 'properties') {
      position += 1;
      parts.push(String(path[position]));
    } else if (keyword === 'items' || keyword === 'additionalProperties') {
      parts.push('*');
    }
  }
  return pointerOf(parts);
}
