import {
  NoDiskSpaceError,
  PortInUseError,
  ServerStartError,
  type EmbeddedKafkaError,
} from './embedded-kafka.error.js';

/** Returns the error that tells a caller what to do about a broker that wrote `log` and ended. */
export function startupError(log: string, folder: string): EmbeddedKafkaError {
  if (log.includes('No space left on device')) {
    return new NoDiskSpaceError(folder);
  }
  const port = /failed to bind to \S*?:(?<port>\d+): Address already in use/u.exec(log)?.groups?.['port'];
  return port === undefined
    ? new ServerStartError(folder, lastComplaint(log))
    : new PortInUseError(Number(port));
}

/** The root cause of the last error, or else what looks most like a complaint. */
function lastComplaint(log: string): string {
  const lines = log
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('\t'));
  const last = lines.slice(
    Math.max(
      0,
      lines.findLastIndex((line) => / ERROR |^Exception in /u.test(line)),
    ),
  );
  const complaint =
    last.findLast((line) => line.startsWith('Caused by: ')) ??
    last.find((line) => /^(?:Exception in .*|[\w.$]+(?:Exception|Error): )/u.test(line)) ??
    lines.findLast((line) => /\bERROR\b|^Error|insufficient memory/u.test(line)) ??
    lines.at(-1);
  return complaint?.replace(WHERE, '') || 'it wrote nothing to its log.';
}

/** What stands before the words of an error. */
const WHERE = /^(?:# |Caused by: |Exception in thread "[^"]*" |\[[^\]]*\] ERROR \S+ - )/u;
