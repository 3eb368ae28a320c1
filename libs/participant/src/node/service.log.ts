import type { ParticipantLog } from '../execution.report.js';
import type { RegistrationLog } from '../registration.js';
import { systemClock } from './system-clock.js';

/** Where a service tells how it goes with its coordinator, and which executions failed. */
export interface ServiceLog extends RegistrationLog, ParticipantLog {}

/** Where lines for people go. */
interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Returns a log that writes lines for people: what goes well to the standard output, the rest to the standard error. */
export function standardLog({ stdout, stderr }: Streams = process, clock = systemClock): ServiceLog {
  const write = (stream: Streams['stdout'], lines: readonly string[]): void =>
    void stream.write(`${clock.instant(clock.now()).toISOString()} [Atone] ${lines.join('\n')}\n`);
  return {
    info: (fields, message) => write(stdout, [logLine(fields, message)]),
    warn: (fields, message) => write(stderr, [logLine(fields, message)]),
    error: ({ stack, ...fields }: { readonly stack?: string }, message) =>
      write(stderr, [logLine(fields, message), ...(stack === undefined ? [] : [stack])]),
  };
}

/** Returns a line that tells what happened, and then, in brackets, with what. */
export function logLine(fields: object, message: string): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quoted(String(value))}`);
  return `${message} (${pairs.join(' ')})`;
}

/** Where a text ends must be plain to see. */
function quoted(value: string): string {
  return /[\s"=()]/u.test(value) ? JSON.stringify(value) : value;
}
