/** Returns the broker's names for what went wrong, which may be deep in an error. */
export function brokerCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) {
    return [];
  }
  if ('apiId' in error && typeof error.apiId === 'string') {
    return [error.apiId];
  }
  const inside = error instanceof AggregateError ? error.errors : [];
  return inside.length > 0 ? inside.flatMap(brokerCodes) : brokerCodes(error.cause);
}
