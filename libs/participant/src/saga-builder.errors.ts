import type { FieldProblem } from '@atone/protocol';

/** A saga, or one of its mappings, cannot be written down as a plan: a defect of the code that builds it. */
export class InvalidSagaError extends Error {
  override readonly name = 'InvalidSagaError';
  readonly code = 'INVALID_SAGA';
  readonly retryable = false;

  constructor(
    readonly saga: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`The saga '${saga}' cannot be built: ${why}`, options);
  }
}

/** The input of a saga does not fit its schema. Nothing was sent. */
export class InvalidSagaInputError extends Error {
  override readonly name = 'InvalidSagaInputError';
  readonly code = 'INVALID_SAGA_INPUT';
  readonly retryable = false;

  constructor(
    readonly saga: string,
    readonly errors: readonly FieldProblem[],
    options?: ErrorOptions,
  ) {
    const fields = errors
      .map(({ field, message }) => `${field === '' ? '(all)' : field}: ${message}`)
      .join('; ');
    super(`The input does not fit the saga '${saga}', so nothing was sent: ${fields}.`, options);
  }
}
