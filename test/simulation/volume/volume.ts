import { EMPTY_TALLY, sumOf, type Tally } from './tally.js';
import { WorkerProcess } from './worker.process.js';

export interface VolumeOptions {
  readonly from: number;
  /** How many seeds at most. */
  readonly runCount: number;
  readonly workerCount: number;
  /** A bug to plant. */
  readonly bug?: string | undefined;
  /** Whether to stop at the first seed that fails: always the smallest one, however many processes look. */
  readonly stopsAtFirst?: boolean;
  /** Tells whether time is up; asked before each handful of seeds. */
  readonly isOver?: () => boolean;
  /** Is told how far it has come. */
  readonly onProgress?: (tally: Tally) => void;
}

/** Few enough that nobody waits for the last one, many enough that asking costs nothing. */
const HANDFUL = 20;

/** Runs many seeds on several processes, and adds them up. */
export async function runVolume(options: VolumeOptions): Promise<Tally> {
  const { from, runCount, workerCount, bug, stopsAtFirst = false, isOver = () => false } = options;
  let next = from;
  let total = EMPTY_TALLY;
  let isBroken = false;
  const isDone = (): boolean =>
    isBroken || next >= from + runCount || isOver() || (stopsAtFirst && total.failed.length > 0);
  const work = async (): Promise<void> => {
    const worker = new WorkerProcess(bug);
    try {
      while (!isDone()) {
        const count = Math.min(HANDFUL, from + runCount - next);
        next += count;
        // oxlint-disable-next-line no-await-in-loop -- a process runs one handful at a time.
        const handful = await worker.run({ from: next - count, count, stopsAtFirst });
        total = sumOf(total, handful);
        options.onProgress?.(total);
      }
    } catch (error) {
      isBroken = true;
      throw error;
    } finally {
      worker.end();
    }
  };
  await Promise.all(Array.from({ length: workerCount }, work));
  return total;
}
