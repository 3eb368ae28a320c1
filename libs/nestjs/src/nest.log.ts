import { Logger } from '@nestjs/common';
import type { ParticipantLog, RegistrationLog } from '@atone/participant';

/** Returns a log that writes to Nest's, with the fields in brackets behind the message, and a stack where Nest has its own. */
export function nestLog(context: string): RegistrationLog & ParticipantLog {
  const logger = new Logger(context);
  return {
    info: (fields, message) => logger.log(lineOf(fields, message)),
    warn: (fields, message) => logger.warn(lineOf(fields, message)),
    error: ({ stack, ...fields }: { readonly stack?: string }, message) =>
      logger.error(lineOf(fields, message), stack),
  };
}

function lineOf(fields: object, message: string): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quoted(String(value))}`);
  return `${message} (${pairs.join(' ')})`;
}

/** Where a text ends must be plain to see. */
function quoted(value: string): string {
  return /[\s"=()]/u.test(value) ? JSON.stringify(value) : value;
}
