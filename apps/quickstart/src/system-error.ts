/** Returns the code of an error of the system or of PostgreSQL, such as EACCES; an empty text for anything else. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
