import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { until } from './until.js';

/** From the sources, so that what is tested is never an old build. */
const MAIN = fileURLToPath(new URL('../../apps/coordinator/src/main.ts', import.meta.url));
const LOADER = pathToFileURL(fileURLToPath(new URL('../../tools/typescript.loader.mjs', import.meta.url)));
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER.href}')`;

/** From sources, beside everything else that is tested. */
const START_MS_MAX = 60_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A coordinator in a process of its own, which can be stopped and killed. */
export class CoordinatorProcess {
  private readonly ended: Promise<Exit>;
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal }) as Exit);
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  /** Starts the program, and waits until it takes requests. */
  static async start(
    databaseUrl: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<CoordinatorProcess> {
    const child = spawn(process.execPath, ['--conditions=@atone/source', '--import', REGISTER, MAIN], {
      env: {
        PATH: process.env['PATH'],
        ATONE_DATABASE_URL: databaseUrl,
        ATONE_HTTP_PORT: '0',
        ATONE_ACCEPT_LOSS: 'true',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started = new CoordinatorProcess(child);
    await until(
      'the coordinator has started as a process',
      () => {
        if (child.exitCode !== null) {
          throw new Error(`The coordinator ended at once: ${started.output}`);
        }
        return started.output.includes('coordinator started');
      },
      START_MS_MAX,
    );
    return started;
  }

  get url(): string {
    return /"url":"([^"]+)"/u.exec(this.output)?.[1] ?? '';
  }

  /** Tells it to stop, as an orchestrator of containers does, and returns how it ended. */
  async stop(): Promise<Exit> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  /** Suspends it, as a machine that is moved: it does nothing, holds its connections, and knows nothing of the time that passes. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  /** Has it go on where it was. */
  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
