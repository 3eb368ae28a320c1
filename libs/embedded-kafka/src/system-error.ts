/**
 * Tells whether what was caught carries this code, as errors of the system do. Its class is not asked for: under Jest the
 * errors of Node's modules are no instances of the tests' own `Error`.
 */
export function hasCode(cause: unknown, code: string): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === code;
}
