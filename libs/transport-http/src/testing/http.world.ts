import type { Clock } from '@atone/engine';
import { ManualClock, SeededRandom } from '@atone/engine/testing';
import type { BranchCommand, CatalogueInstance, ReplyEnvelope } from '@atone/protocol';
import { HttpTransport, type HttpTransportOptions } from '../http.transport.js';
import { LoopbackServer, type Listener } from './loopback.server.js';

type InstanceChange = Partial<Omit<CatalogueInstance, 'baseUrl'>>;

/** A transport, the participants that it may ask, and the replies that came back. */
export class HttpWorld {
  readonly clock = new ManualClock();
  readonly instances: CatalogueInstance[] = [];
  readonly replies: ReplyEnvelope[] = [];
  readonly transport: HttpTransport;
  /** After how long each command that is sent here is given up. */
  answerWithinMs = 58_000;
  private readonly servers: LoopbackServer[] = [];
  private waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(options: Partial<HttpTransportOptions> = {}) {
    this.transport = new HttpTransport({
      catalogue: {
        instancesOf: (service) => this.instances.filter((instance) => instance.service === service),
      },
      clock: this.clock satisfies Clock,
      random: new SeededRandom(1),
      ...options,
    });
    this.transport.onReply((reply) => {
      this.replies.push(reply);
      this.wake();
    });
  }

  /** Starts a server and enters it as an instance of `stock`. */
  async serve(listener: Listener, change: InstanceChange = {}): Promise<LoopbackServer> {
    const server = await new LoopbackServer(listener).start();
    this.servers.push(server);
    this.enter(server.url, change);
    return server;
  }

  enter(baseUrl: string | undefined, change: InstanceChange = {}): void {
    this.instances.push({
      service: 'stock',
      instance: `stock-${this.instances.length + 1}`,
      ...(baseUrl === undefined ? {} : { baseUrl }),
      kind: 'library',
      protocol: 1,
      actions: [
        { name: 'reserve', hasCompensation: true, path: '/reserve', compensatePath: '/reserve/undo' },
      ],
      registeredAt: this.clock.now(),
      seenAt: this.clock.now(),
      ...change,
    });
  }

  send(...commands: readonly BranchCommand[]): void {
    for (const command of commands) {
      this.transport.send(command, this.answerWithinMs);
    }
  }

  /** Waits until `count` replies have come since the start. */
  async replied(count: number): Promise<readonly ReplyEnvelope[]> {
    await new Promise<void>((resolve) => {
      this.waiters.push({ count, resolve });
      this.wake();
    });
    return this.replies;
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.map(async (server) => server.kill()));
    await this.transport.close();
  }

  private wake(): void {
    const { length } = this.replies;
    const reached = this.waiters.filter(({ count }) => count <= length);
    this.waiters = this.waiters.filter(({ count }) => count > length);
    for (const waiter of reached) {
      waiter.resolve();
    }
  }
}

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

/** Returns a promise that the test settles. */
export function deferred<Value = void>(): Deferred<Value> {
  const settle: { resolve?: (value: Value) => void } = {};
  const promise = new Promise<Value>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}

/** Lets a turn of the event loop pass. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
