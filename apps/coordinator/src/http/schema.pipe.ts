import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { checkedArgument } from './argument.check.js';

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
    const { schema, type, data: name } = metadata;
    if (!(schema instanceof z.ZodType)) {
      return value;
    }
    return checkedArgument({ schema, value, place: type === 'body' ? 'body' : 'names', name }) as Value;
  }
}
