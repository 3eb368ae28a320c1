import { Logger } from '@nestjs/common';
import type { RegistrationLog } from '@atone/participant';

/** Returns a log that writes to Nest's, with the fields behind the message. */
export function nestLog(context: string): RegistrationLog {
  const logger = new Logger(context);
  return {
    info: (fields, message) => logger.log(lineOf(fields, message)),
    warn: (fields, message) => logger.warn(lineOf(fields, message)),
  };
}

function lineOf(fields: object, message: string): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  return [message, ...pairs].join(' ');
}
