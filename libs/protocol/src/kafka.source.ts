import { RECORD_HEADERS, type StoredRecord } from './kafka.record.js';
import { rememberingLast } from './last.reading.js';

/** Returns as what a coordinator sends its records, and of which log it brings the commands. */
export function coordinatorSource(instanceId: string, logId?: string): string {
  return `${ofLog(logId)}/coordinators/${instanceId}`;
}

/** Returns as what a service sends its records, and which log its coordinator keeps, as far as that is known. */
export function serviceSource(service: string, logId?: string): string {
  return `${ofLog(logId)}/services/${service}`;
}

const OF_LOG = /^\/logs\/([0-9A-Za-z-]{1,64})\//u;

/** Returns the log that a record belongs to; undefined where its sender has not said, as those of former versions do not. */
export function logIdOf({ headers }: Pick<StoredRecord, 'headers'>): string | undefined {
  return logIdIn(headers[RECORD_HEADERS.source] ?? '');
}

const logIdIn = rememberingLast((source) => OF_LOG.exec(source)?.[1]);

function ofLog(logId: string | undefined): string {
  return logId === undefined ? '' : `/logs/${logId}`;
}
