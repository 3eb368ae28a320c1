/** Returns the broker's names for what went wrong, which may be deep in an error. */
export function brokerCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) {
    return [];
  }
  if ('type' in error && typeof error.type === 'string') {
    return [error.type];
  }
  const inside = 'errors' in error && Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
  return inside.length > 0 ? inside.flatMap(brokerCodes) : brokerCodes(error.cause);
}
