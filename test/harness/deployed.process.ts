import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exit } from './coordinator.process.js';

export interface ProcessPlan {
  readonly name: string;
  /** The program, as it was built. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what it writes, in all its lives. */
  readonly logFile: string;
}

/** Has a process end with the one that tests it, be that killed. Without a question mark: what follows it in a URL is not run. */
const ORPHANS_END =
  "data:text/javascript,process.once('disconnect',()=>process.exit(1));process.channel.unref()";

/** Between the end of a process and its next life. */
const REBIRTH_MS = 200;

/** More than any program of ours takes to end in order. */
const STOP_MS = 15_000;

/** A program that is started again whenever it ends, as an orchestrator would do, until it is told to stop. */
export class DeployedProcess {
  /** How often it was started, the first time included. */
  startCount = 0;
  /** How each of its lives ended. */
  readonly exits: Exit[] = [];
  private environment: ProcessPlan['environment'];
  private child: ChildProcess | undefined;
  private isWanted = false;
  private life: Promise<void> = Promise.resolve();

  constructor(private readonly plan: ProcessPlan) {
    this.environment = plan.environment;
  }

  get name(): string {
    return this.plan.name;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** What it has written, in all its lives. */
  get output(): string {
    return readFileSync(this.plan.logFile, 'utf8');
  }

  /** Also after a stop. Its environment is changed from then on by `changes`. */
  start(changes: Readonly<Record<string, string>> = {}): void {
    if (!this.isWanted) {
      this.environment = { ...this.environment, ...changes };
      this.isWanted = true;
      this.life = this.life.then(async () => this.live());
    }
  }

  /** Ends it as a power cut would, and resolves when it is gone. It is started again by itself. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child !== undefined) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  }

  /** Ends it as a power cut would, and does not start it again. */
  async crash(): Promise<void> {
    this.isWanted = false;
    await this.kill();
    await this.life;
  }

  /** Stops it in the middle of whatever it does, as a suspended machine would. What it holds in memory stays. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  /** Lets it go on as if no time had passed. */
  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends it in order, and does not start it again. */
  async stop(): Promise<void> {
    this.isWanted = false;
    this.child?.kill('SIGTERM');
    // Frozen, it would never hear of it.
    this.thaw();
    const hard = setTimeout(() => this.child?.kill('SIGKILL'), STOP_MS);
    await this.life;
    clearTimeout(hard);
  }

  private async live(): Promise<void> {
    // oxlint-disable no-await-in-loop -- one life after the other
    while (this.isWanted) {
      this.startCount += 1;
      const child = this.spawn();
      this.child = child;
      const [code, signal] = (await once(child, 'exit')) as [Exit['code'], Exit['signal']];
      this.exits.push({ code, signal });
      this.child = undefined;
      await pause(this.isWanted ? REBIRTH_MS : 0);
    }
    // oxlint-enable no-await-in-loop
  }

  private spawn(): ChildProcess {
    const { entry, logFile } = this.plan;
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, ['--import', ORPHANS_END, entry], {
      // Jest's own settings are none of the child's.
      env: { PATH: process.env['PATH'], NO_COLOR: '1', ...this.environment },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    return child;
  }
}
