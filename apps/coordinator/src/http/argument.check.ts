import { plainSubmission, submissionSchema } from '@atone/protocol';
import type { z } from 'zod';
import { fieldProblems, type Checked } from './field.problems.js';
import { fieldError } from './request.error.js';
import { plainWaitQuery, waitQuerySchema } from './request.schemas.js';

/** What comes by the thousand each second is read by hand where nothing is wrong with it; what is wrong, the schema tells. */
const PLAIN_READERS: ReadonlyMap<z.ZodType, (value: unknown) => unknown> = new Map<
  z.ZodType,
  (value: unknown) => unknown
>([
  [submissionSchema, plainSubmission],
  [waitQuerySchema, plainWaitQuery],
]);

/**
 * Returns what the schema makes of a part of a request.
 *
 * @throws {RequestError} naming every field that is wrong.
 */
export function checkedArgument<Schema extends z.ZodType>(
  argument: Checked & { readonly schema: Schema },
): z.output<Schema> {
  const { schema, value } = argument;
  const plain = PLAIN_READERS.get(schema)?.(value);
  if (plain !== undefined) {
    return plain as z.output<Schema>;
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    throw fieldError(fieldProblems(result.error.issues, argument));
  }
  return result.data;
}
