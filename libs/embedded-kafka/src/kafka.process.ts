import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { answers } from './broker.probe.js';
import type { JavaCommand, KafkaFolder } from './kafka.folder.js';
import { PROGRAM_ENVIRONMENT } from './program.run.js';

export interface LaunchPlan {
  readonly folder: KafkaFolder;
  readonly java: JavaCommand;
  readonly port: number;
}

/** A broker came up, or it ended and left these words. */
export type Launch = { readonly broker: BrokerProcess } | { readonly failure: string };

const POLL_MS = 50;

/** A broker takes two seconds; what takes longer than this, also on a busy machine, will not come up. */
const START_TIMEOUT_MS = 120_000;

const STOP_TIMEOUT_MS = 20_000;

/** Written before Java runs, so that whoever watches over us knows of every broker. `exec` keeps the id. */
const LAUNCH = 'echo $$ > server.pid && exec "$@"';

/** Starts a broker, and waits until it answers or has ended. */
export async function launchBroker({ folder, java, port }: LaunchPlan): Promise<Launch> {
  // A file rather than a pipe, which would be full if nobody read it.
  const log = await open(folder.log, 'a', 0o600);
  const logStart = (await log.stat()).size;
  try {
    const command = [...java, 'kafka.Kafka', folder.properties];
    const child = spawn('/bin/sh', ['-c', LAUNCH, 'sh', ...command], {
      cwd: folder.root,
      env: PROGRAM_ENVIRONMENT,
      stdio: ['ignore', log.fd, log.fd],
      // Out of the terminal's reach: Ctrl-C must not take the broker away from those still using it.
      detached: true,
    });
    const broker = new BrokerProcess(child);
    if (await broker.isReadyAt(port)) {
      return { broker };
    }
    await broker.signal('SIGKILL');
    return { failure: (await readFile(folder.log)).subarray(logStart).toString() };
  } finally {
    await log.close();
  }
}

/** A broker that was started. It does not keep this program alive. */
export class BrokerProcess {
  private hasEnded = false;
  private readonly end: Promise<unknown>;

  constructor(private readonly child: ChildProcess) {
    this.end = once(child, 'exit').catch(() => undefined);
    void this.end.then(() => (this.hasEnded = true));
    child.unref();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits for the first answer. @returns false if it has ended, or does not answer at all. */
  async isReadyAt(port: number): Promise<boolean> {
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    while (!this.hasEnded && performance.now() < giveUpAt) {
      // oxlint-disable no-await-in-loop -- a poll
      if (await answers(port)) {
        return true;
      }
      await delay(POLL_MS);
      // oxlint-enable no-await-in-loop
    }
    return false;
  }

  /** Sends a signal. After one that it must obey, waits until it is gone. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    if (signal === 'SIGKILL') {
      await this.gone();
    }
  }

  /** Stops it in order, or roughly if that does not help. */
  async stop(): Promise<void> {
    // Else one that is paused would not take the next signal.
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    const roughly = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.gone();
    clearTimeout(roughly);
  }

  private async gone(): Promise<void> {
    this.child.ref();
    await this.end;
  }
}
