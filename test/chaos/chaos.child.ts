import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface ChildPlan {
  readonly name: string;
  /** What `node` is started with. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** Between the end of a child and its next life. */
const REBIRTH_MS = 200;

/** A process that is started again whenever it ends, until it is told to stop. */
export class ChaosChild {
  /** How often it was started, the first time included. */
  startCount = 0;
  private process: ChildProcess | undefined;
  private isStopping = false;
  private life: Promise<void> | undefined;
  private readonly log: WriteStream;

  constructor(private readonly plan: ChildPlan) {
    this.log = createWriteStream(plan.logFile, { flags: 'a' });
  }

  start(): void {
    this.life = this.live();
  }

  /** Ends it as a power cut would. It is started again by itself. */
  kill(): void {
    this.process?.kill('SIGKILL');
  }

  /** Stops it in the middle of whatever it does, as a suspended machine would. What it holds in memory stays. */
  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  /** Lets it go on as if no time had passed. */
  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.process?.kill('SIGTERM');
    // Frozen, it would never hear of it.
    this.thaw();
    const hard = setTimeout(() => this.process?.kill('SIGKILL'), 8_000);
    await this.life;
    clearTimeout(hard);
    this.log.end();
  }

  private async live(): Promise<void> {
    while (!this.isStopping) {
      this.startCount += 1;
      this.process = spawn(process.execPath, this.plan.args, {
        // Jest's own settings are none of the child's.
        env: { PATH: process.env['PATH'], ...this.plan.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      this.process.stdout?.pipe(this.log, { end: false });
      this.process.stderr?.pipe(this.log, { end: false });
      // oxlint-disable-next-line no-await-in-loop -- one life after the other.
      await once(this.process, 'exit');
      // oxlint-disable-next-line no-await-in-loop
      await pause(REBIRTH_MS);
    }
  }
}
