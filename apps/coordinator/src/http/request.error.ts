import type { ErrorCode, FieldProblem } from '@atone/protocol';

/** The request cannot be carried out as it stands, and nothing was written. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly more: {
      readonly errors?: readonly FieldProblem[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly gid?: string;
    } = {},
  ) {
    super(message);
  }
}

/** Returns the error for fields that are wrong; its message is theirs. */
export function fieldError(errors: readonly FieldProblem[]): RequestError {
  return new RequestError(
    'BAD_REQUEST',
    errors.map(({ field, message }) => `${field === '' ? 'The body' : field} ${message}.`).join(' '),
    {
      errors,
    },
  );
}
