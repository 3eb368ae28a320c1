/** Says to a person why a command could not be carried out, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/** Errors of PostgreSQL that say all by themselves: those of Atone, wrong names, missing rights, wrong passwords. */
const FOR_PEOPLE = /^(?:GX0\d\d|42P01|42602|42501|3F000|3D000|28P01|28000)$/u;

/** Errors of the network, by what stands against the connection. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ECONNRESET',
  'EHOSTUNREACH',
]);

/** Returns what to tell a person of `error`; undefined where it is a defect, whose place matters. */
export function sentenceOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  if (error instanceof CliError || isForPeople(error)) {
    return error.message;
  }
  const { code, hint } = error as { readonly code?: unknown; readonly hint?: unknown };
  if (typeof code !== 'string') {
    return undefined;
  }
  if (UNREACHABLE.has(code)) {
    return `The database cannot be reached: ${error.message || code}. See the URL in --database-url or DATABASE_URL.`;
  }
  return FOR_PEOPLE.test(code) ? [error.message, hint].filter(Boolean).join('\n') : undefined;
}

/** Atone's errors say whether to try again can help. */
function isForPeople(error: Error): boolean {
  return 'retryable' in error && error.retryable === false;
}
