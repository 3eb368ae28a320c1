import { Logger } from '@nestjs/common';
import type { RegistrationLog } from '@atone/participant';

/** Returns a log that writes to Nest's, with the fields in brackets behind the message. */
export function nestLog(context: string): RegistrationLog {
  const logger = new Logger(context);
  return {
    info: (fields, message) => logger.log(lineOf(fields, message)),
    warn: (fields, message) => logger.warn(lineOf(fields, message)),
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
