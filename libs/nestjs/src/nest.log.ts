import { Logger } from '@nestjs/common';
import { logLine, type ServiceLog } from '@atone/participant';

/** Returns a log that writes to Nest's, with the fields in brackets behind the message, and a stack where Nest has its own. */
export function nestLog(context: string): ServiceLog {
  const logger = new Logger(context);
  return {
    info: (fields, message) => logger.log(logLine(fields, message)),
    warn: (fields, message) => logger.warn(logLine(fields, message)),
    error: ({ stack, ...fields }: { readonly stack?: string }, message) =>
      logger.error(logLine(fields, message), stack),
  };
}
