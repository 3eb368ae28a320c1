import { NoDiskSpaceError, PortInUseError, ServerStartError } from './embedded-postgres.error.js';
import type { EmbeddedPostgresError } from './embedded-postgres.error.js';

export interface StartupFacts {
  readonly folder: string;
  readonly port: number;
}

/** Returns the error that tells a caller what to do about a server which wrote `log` and ended. */
export function startupError(log: string, facts: StartupFacts): EmbeddedPostgresError {
  if (/No space left on device/.test(log)) return new NoDiskSpaceError(facts.folder);
  if (/could not bind .*Address already in use/.test(log)) return new PortInUseError(facts.port);
  return new ServerStartError(facts.folder, lastComplaint(log));
}

/**
 * Tells whether what stopped the server will pass: processes of a killed server that still hold its
 * shared memory, or another launcher that was a moment earlier.
 */
export function willPass(log: string): boolean {
  return /pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(log);
}

function lastComplaint(log: string): string {
  const lines = log.trim().split('\n');
  const complaint = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return complaint?.replace(/^.*?(FATAL|PANIC|error):\s*/, '') || 'it wrote nothing to its log.';
}
