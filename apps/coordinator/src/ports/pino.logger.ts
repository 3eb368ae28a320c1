import type { EngineLogger } from '@atone/engine';
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import type { Configuration } from '../configuration.js';
import { errorFacts } from '../error.facts.js';
import { StartError } from '../start.error.js';

/** How far a chain of causes is followed. */
const CAUSE_DEPTH_MAX = 5;

/** Returns the log of the process: one JSON document for each line. */
export function openLogger(level: Configuration['logLevel'], destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    serializers: { error: (error: unknown) => describeError(error) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** The engine's log lines, on pino. */
export function engineLogger(logger: Logger): EngineLogger {
  return {
    info: (fields, event) => {
      logger.info(fields, event);
    },
    warn: (fields, event) => {
      logger.warn(fields, event);
    },
    error: (fields, event) => {
      logger.error(fields, event);
    },
  };
}

/** Nest's own lines, on pino. What Nest says of its ordinary course is of use only to those who search. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]): void {
    this.logger.debug(fieldsOf(context), String(message));
  }

  debug(message: unknown, ...context: unknown[]): void {
    this.logger.debug(fieldsOf(context), String(message));
  }

  verbose(message: unknown, ...context: unknown[]): void {
    this.logger.trace(fieldsOf(context), String(message));
  }

  warn(message: unknown, ...context: unknown[]): void {
    this.logger.warn(fieldsOf(context), String(message));
  }

  /** Nest tells of a refused start and throws it too: who started the coordinator gets its sentence, once. */
  error(message: unknown, ...context: unknown[]): void {
    const level = message instanceof StartError ? 'debug' : 'error';
    this.logger[level](
      { ...fieldsOf(context), error: message instanceof Error ? message : undefined },
      String(message),
    );
  }

  fatal(message: unknown, ...context: unknown[]): void {
    this.logger.fatal(fieldsOf(context), String(message));
  }
}

/**
 * Returns what of an error may be logged: never its other members, in which database drivers keep the values of a
 * statement.
 */
function describeError(error: unknown, depth = 0): unknown {
  const { name, message, code, stack, cause } = errorFacts(error);
  const hasCause = cause !== undefined && depth < CAUSE_DEPTH_MAX;
  return { name, code, message, stack, cause: hasCause ? describeError(cause, depth + 1) : undefined };
}

function fieldsOf(context: readonly unknown[]): { nest?: unknown } {
  const last = context.at(-1);
  return typeof last === 'string' ? { nest: last } : {};
}
