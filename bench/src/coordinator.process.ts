import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { endChild, isRunning, type Ground } from './ground.js';

const COORDINATOR = new URL('../../apps/coordinator/dist/main.js', import.meta.url);

/** As the image starts it. */
const NODE_ARGS = ['--disable-warning=TimeoutNegativeWarning', '--max-semi-space-size=32'];

export interface CoordinatorSettings {
  readonly databaseUrl: string;
  /** Default: the coordinator. */
  readonly program?: URL | undefined;
  /** Variables beside those of the database and the port. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** A coordinator, or what is compared with it, in a process of its own. */
export class CoordinatorProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** Starts one, and waits until it is ready. */
  static async start(ground: Ground, settings: CoordinatorSettings): Promise<CoordinatorProcess> {
    const { databaseUrl, program = COORDINATOR, variables = {} } = settings;
    const port = await freePort();
    const own = { ATONE_DATABASE_URL: databaseUrl, ATONE_HTTP_PORT: String(port), ATONE_LOG_LEVEL: 'warn' };
    const child = ground.spawn(program, { ...own, ...variables }, NODE_ARGS);
    const started = new CoordinatorProcess(`http://127.0.0.1:${port}`, child);
    await started.ready();
    return started;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Has it hand over what it has, and end. */
  stop(): Promise<void> {
    return endChild(this.child, 'SIGTERM');
  }

  /** Ends it as the machine's end would. */
  kill(): Promise<void> {
    return endChild(this.child, 'SIGKILL');
  }

  private async ready(): Promise<void> {
    for (let attempt = 0; attempt < 600 && isRunning(this.child); attempt += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
        const { ok } = await fetch(`${this.url}/health/ready`);
        if (ok) {
          return;
        }
      } catch {
        // Not listening yet.
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(100);
    }
    throw new Error('The coordinator has ended before it was ready, or was not ready within a minute.');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
