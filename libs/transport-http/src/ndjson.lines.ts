const NEWLINE = 0x0a;

/**
 * Cuts a stream of octets into lines, each of them told as soon as it is complete.
 *
 * A line above `lineBytesMax` is dropped as it streams by, never held; it counts in `tooLongCount`.
 */
export class NdjsonLines {
  tooLongCount = 0;
  private parts: Buffer[] = [];
  private heldBytes = 0;
  private isDropping = false;

  constructor(
    private readonly lineBytesMax: number,
    private readonly onLine: (line: string) => void,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.hold(chunk.subarray(start, end));
      this.endLine();
      start = end + 1;
    }
    if (start < chunk.length) {
      this.hold(chunk.subarray(start));
    }
  }

  /** The last line needs no newline, provided that the answer came to its regular end. */
  end(): void {
    this.endLine();
  }

  private hold(part: Buffer): void {
    this.heldBytes += part.length;
    if (this.heldBytes > this.lineBytesMax) {
      this.isDropping = true;
      this.parts = [];
      return;
    }
    this.parts.push(part);
  }

  private endLine(): void {
    const { parts, isDropping } = this;
    this.parts = [];
    this.heldBytes = 0;
    this.isDropping = false;
    if (isDropping) {
      this.tooLongCount += 1;
      return;
    }
    const line = textOf(parts);
    if (line.trim() !== '') {
      this.onLine(line);
    }
  }
}

/** Returns the text of octets in pieces; a character may lie across two of them. */
export function textOf(parts: readonly Buffer[]): string {
  const [only] = parts;
  return (parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)).toString('utf8');
}
