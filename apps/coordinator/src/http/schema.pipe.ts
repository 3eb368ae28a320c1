import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { fieldProblems } from './field.problems.js';
import { fieldError } from './request.error.js';

/**
 * Checks each argument of a route against the schema that its decorator names, in one pass, and names every field that
 * is wrong.
 *
 * Nest ignores the schemas unless such a pipe is global. Its own goes through the value once more for poisoned keys,
 * which the body's parser has refused before.
 */
export class SchemaPipe extends StandardSchemaValidationPipe {
  // oxlint-disable-next-line typescript/no-explicit-any -- as Nest declares it.
  override async transform<Value = any>(value: Value, metadata: ArgumentMetadata): Promise<Value> {
    const { schema } = metadata;
    if (!(schema instanceof z.ZodType)) {
      return value;
    }
    const result = schema.safeParse(value);
    if (!result.success) {
      const place = metadata.type === 'body' ? 'body' : 'names';
      throw fieldError(fieldProblems(result.error.issues, { schema, value, place, name: metadata.data }));
    }
    return result.data as Value;
  }
}
