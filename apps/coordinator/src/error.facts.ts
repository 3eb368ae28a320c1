import { types } from 'node:util';

/** What any thrown value tells, whichever library threw it. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
  readonly stack: string | undefined;
  readonly cause: unknown;
}

/** Reads an error by what it is rather than by its class: there may be several classes `Error` in one process. */
export function errorFacts(error: unknown): ErrorFacts {
  if (!types.isNativeError(error)) {
    return { name: 'unknown', message: String(error), code: undefined, stack: undefined, cause: undefined };
  }
  const { name, message, stack, cause } = error;
  return { name, message, code: 'code' in error ? error.code : undefined, stack, cause };
}
