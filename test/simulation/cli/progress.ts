import type { Tally } from '../volume/tally.js';
import { countsInWords, timeInWords, whole } from './words.js';

/** So often a pipe gets a line. */
const LINE_EVERY_MS = 10_000;

/** So often the line on a terminal changes. */
const REFRESH_EVERY_MS = 200;

const TOP_FAULT_COUNT = 4;

/** Tells how far it has come while it runs: in one line that changes on a terminal, by a line now and then elsewhere. */
export class Progress {
  private readonly startedAt = performance.now();
  private shownAt = performance.now();
  private isShown = false;

  constructor(private readonly out: NodeJS.WriteStream) {}

  show(tally: Tally): void {
    const now = performance.now();
    if (now - this.shownAt < (this.out.isTTY ? REFRESH_EVERY_MS : LINE_EVERY_MS)) {
      return;
    }
    this.shownAt = now;
    const line = progressLine(tally, (now - this.startedAt) / 1_000);
    if (this.out.isTTY) {
      this.isShown = true;
      this.out.write(`\r\u001B[K${line.slice(0, this.out.columns - 1)}`);
    } else {
      this.out.write(`${line}\n`);
    }
  }

  /** Leaves the place to what comes behind. */
  end(): void {
    if (this.isShown) {
      this.out.write('\r\u001B[K');
    }
  }
}

export function progressLine(tally: Tally, seconds: number): string {
  const failed = tally.failed.length === 0 ? '' : `, ${tally.failed.length} failed`;
  return [
    `${whole(tally.runCount)} runs${failed}`,
    `${whole(tally.runCount / seconds)}/s`,
    `${timeInWords(tally.simulatedMs)} simulated`,
    countsInWords(tally.faults, TOP_FAULT_COUNT),
  ].join('; ');
}
