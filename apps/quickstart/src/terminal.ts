import pc from 'picocolors';

/** Where the quickstart talks to people. Nothing else writes to the terminal. */
export interface Terminal {
  readonly isInteractive: boolean;
  /** Writes a line. */
  say(line: string): void;
  /** Writes a line that asks for attention. */
  warn(line: string): void;
}

interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A progress bar may stand on the line. */
const CLEAR_LINE = '\r\u001B[K';

export function createTerminal(output: Stream): Terminal {
  const isInteractive = output.isTTY === true;
  const start = isInteractive ? CLEAR_LINE : '';
  return {
    isInteractive,
    say: (line) => void output.write(`${start}${line}\n`),
    warn: (line) => void output.write(`${start}${pc.yellow(line)}\n`),
  };
}
