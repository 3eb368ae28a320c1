import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { freePorts } from '@atone/embedded-kafka';
import { until } from '../harness/until.js';

const MAIN = fileURLToPath(new URL('../../apps/quickstart/dist/main.js', import.meta.url));

/** A first start on a busy machine makes a database, and a dozen programs. */
const PATIENCE_MS = 300_000;

/** `npm start`, as it was built. */
export class QuickstartRun {
  private readonly ended: Promise<unknown[]>;
  output = '';

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'close');
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  static start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): QuickstartRun {
    const env = { ...process.env, NO_COLOR: '1', ...environment };
    return new QuickstartRun(
      spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  /** Waits until it has written `words`. @throws Error with all that it wrote, when it ends before. */
  async says(words: string): Promise<void> {
    await until(
      `npm start says "${words}"`,
      () => {
        if (this.child.exitCode !== null) {
          throw new Error(`npm start ended with ${this.child.exitCode}:\n${this.output}`);
        }
        return this.output.includes(words);
      },
      PATIENCE_MS,
    );
  }

  /** Returns the exit code, when it has ended by itself. */
  async exitCode(): Promise<number | null> {
    await this.ended;
    return this.child.exitCode;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Returns the first of `count` ports in a row on which nobody listens. */
export async function firstFreePort(count: number): Promise<number> {
  return until(`${count} ports in a row are free`, async () => {
    const [first = 0] = await freePorts(1);
    const row = Array.from({ length: count }, (_, above) => first + above);
    return (await Promise.all(row.map(isFree))).every(Boolean) && first;
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
