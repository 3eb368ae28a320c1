import { expect, test } from '@jest/globals';
import { ServerKeeper, type KeptServer } from './server.keeper.js';

/** A machine on which servers die when a test says so, and on which every look lets the test act first. */
class Machine {
  readonly started: number[] = [];
  readonly stopped: number[] = [];
  readonly lines: string[] = [];
  readonly alive = new Set<number>();
  failures: Error[] = [];
  #wake: () => void = () => undefined;
  readonly keeper = new ServerKeeper(this.server(5_555), {
    name: 'PostgreSQL',
    isAlive: (pid) => this.alive.has(pid),
    restart: async ({ port }) => {
      const failure = this.failures.shift();
      if (failure !== undefined) {
        throw failure;
      }
      return this.server(port);
    },
    sleep: (_delayMs, signal) =>
      new Promise((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve());
      }),
    warn: (line) => this.lines.push(line),
  });

  async look(): Promise<void> {
    this.#wake();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  private server(port: number): KeptServer & { readonly port: number } {
    const pid = 100 + this.started.length;
    this.started.push(port);
    this.alive.add(pid);
    return {
      pid,
      port,
      stop: async () => {
        this.stopped.push(pid);
      },
    };
  }
}

test('a server that lives is left alone', async () => {
  const machine = new Machine();

  await machine.look();

  expect(machine.started).toEqual([5_555]);
});

test('a server that is gone is started again on its port, and that one is stopped in the end', async () => {
  const machine = new Machine();
  machine.alive.clear();

  await machine.look();
  await machine.keeper.stop();

  expect(machine.started).toEqual([5_555, 5_555]);
  expect(machine.stopped).toEqual([101]);
  expect(machine.lines).toEqual(['PostgreSQL was gone, and is up again.']);
});

test('a server that cannot come back is tried again, with one complaint', async () => {
  const machine = new Machine();
  machine.alive.clear();
  machine.failures = [new Error('The disk is full.'), new Error('The disk is full.')];

  await machine.look();
  await machine.look();
  await machine.look();

  expect(machine.lines).toEqual(['The disk is full.', 'PostgreSQL was gone, and is up again.']);
});
