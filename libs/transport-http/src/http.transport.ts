import type { Random } from '@atone/core';
import type { BranchTransport, Catalogue, Clock, ReplySink } from '@atone/engine';
import {
  COMMANDS_PATH,
  replyTo,
  type BranchCommand,
  type CatalogueInstance,
  type ReplyEnvelope,
  type SigningKey,
} from '@atone/protocol';
import { unknown } from './classification.js';
import { Exchange, type ExchangeWatcher } from './exchange.js';
import { chooseInstance } from './instance.choice.js';
import { InstanceLoad } from './instance.load.js';
import { LibraryCall, takeBatch, type CallObserver } from './library.call.js';
import { DEFAULT_LIMITS, type HttpTransportLimits } from './limits.js';
import { OriginPools } from './origin.pools.js';
import { addressOf } from './participant.address.js';
import { PlainCall, plainRequest, tooLargeMessage } from './plain.call.js';
import { commandHeaders, commonHeaders } from './request.headers.js';
import { offering, ServiceQueue } from './service.queue.js';

export interface HttpTransportOptions {
  /** Who can be asked. Read anew before each request. */
  readonly catalogue: Pick<Catalogue, 'instancesOf'>;
  readonly clock: Clock;
  /** Draws who comes first, so that several coordinators do not all begin with the same instance. */
  readonly random: Random;
  /** Signs each request. Without it participants that require signatures refuse all of them. */
  readonly signingKey?: SigningKey | undefined;
  readonly limits?: Partial<HttpTransportLimits> | undefined;
  /** Told what the reply sink throws. Without it that is passed over. */
  readonly onSinkError?: ((error: unknown) => void) | undefined;
}

/**
 * Asks participants over HTTP: those with the library in batches, whose replies come back one by one as they are
 * known; plain endpoints with one request for each command.
 *
 * What is handed over in one turn of the event loop goes out together. While an instance has as many requests in
 * flight as it may, commands gather, so that a slow one gets fewer and larger batches.
 */
export class HttpTransport implements BranchTransport {
  private readonly limits: HttpTransportLimits;
  private readonly load: InstanceLoad;
  private readonly pools: OriginPools;
  /** By service, then by lane and, while not all instances offer the same, by action. */
  private readonly queues = new Map<string, Map<string, ServiceQueue>>();
  private readonly turns = new Map<string, number>();
  private readonly dueServices = new Set<string>();
  private readonly exchanges = new Set<Exchange>();
  private sink: ReplySink | undefined;
  private state: 'open' | 'draining' | 'closed' = 'open';
  private onDrained: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: HttpTransportOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.load = new InstanceLoad(options.clock, this.limits);
    this.pools = new OriginPools(options.clock, this.limits.connectTimeoutMs);
  }

  onReply(sink: ReplySink): void {
    this.sink = sink;
  }

  /** Hands a command over. After `close` it is dropped without a reply. */
  send(command: BranchCommand): void {
    if (this.state === 'open') {
      this.queueOf(command).add(command);
      this.schedule(command.service);
    }
  }

  /** Drops what was not sent yet, and waits for the replies to the rest, but no longer than the limit. */
  async close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.state = 'draining';
    this.queues.clear();
    await this.drained();
    this.state = 'closed';
    for (const exchange of this.exchanges) {
      exchange.stop({ type: 'broken', class: 'unreachable', message: 'The transport was closed.' });
    }
    await this.pools.destroy();
  }

  private async drained(): Promise<void> {
    if (this.exchanges.size === 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.setTimer(this.limits.drainMs, resolve);
      this.onDrained = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  private queueOf(command: BranchCommand): ServiceQueue {
    const { service, lane, action } = command;
    const instances = this.options.catalogue.instancesOf(service);
    const isOfferedByAll = offering(instances, action).length === instances.length;
    const key = `${lane ?? ''} ${isOfferedByAll ? '' : action}`;
    const queues = this.queues.get(service) ?? new Map<string, ServiceQueue>();
    const queue = queues.get(key) ?? new ServiceQueue(service, lane);
    this.queues.set(service, queues.set(key, queue));
    return queue;
  }

  private schedule(service: string): void {
    if (this.dueServices.size === 0) {
      setImmediate(() => {
        this.flush();
      });
    }
    this.dueServices.add(service);
  }

  private flush(): void {
    const services = [...this.dueServices];
    this.dueServices.clear();
    for (const service of services) {
      this.pumpService(service);
    }
  }

  /** Lanes are named by clients, so that an empty queue must not stay behind. */
  private pumpService(service: string): void {
    const queues = this.queues.get(service) ?? new Map<string, ServiceQueue>();
    for (const [key, queue] of queues) {
      this.pump(queue);
      if (queue.size === 0) {
        queues.delete(key);
      }
    }
  }

  private nextTurn(service: string): number {
    const turn = this.turns.get(service) ?? Math.floor(this.options.random.next() * 1_000_003);
    this.turns.set(service, turn + 1);
    return turn;
  }

  /** Sends from the queue until it is empty or nobody may be asked any more. */
  private pump(queue: ServiceQueue): void {
    for (let head = queue.first(); head !== undefined; head = queue.first()) {
      const { clock, catalogue } = this.options;
      const instances = offering(catalogue.instancesOf(queue.service), head.action);
      const wanted = { lane: queue.lane, turn: this.nextTurn(queue.service), nowMs: clock.now() };
      const choice = chooseInstance(instances, wanted, this.load);
      switch (choice.type) {
        case 'full':
          return;
        case 'none':
          this.replyNobody(queue);
          return;
        case 'instance':
          this.call(choice.instance, queue);
      }
    }
  }

  private replyNobody(queue: ServiceQueue): void {
    const where =
      queue.lane === undefined ? 'outside of lanes' : `in the lane '${queue.lane}' or outside of lanes`;
    const reply = unknown('unreachable', `No instance of the service '${queue.service}' is known ${where}.`);
    queue.take((command) => {
      this.reply(replyTo(command, reply));
      return true;
    });
  }

  private call(instance: CatalogueInstance, queue: ServiceQueue): void {
    if (instance.kind === 'library') {
      this.callLibrary(instance, queue);
      return;
    }
    let isTaken = false;
    queue.take((command) => {
      if (isTaken) {
        return false;
      }
      isTaken = true;
      this.callPlain(instance, command);
      return true;
    });
  }

  private callLibrary(instance: CatalogueInstance, queue: ServiceQueue): void {
    const { commands, oversized, body } = takeBatch(queue, this.limits);
    for (const command of oversized) {
      const message = tooLargeMessage(Buffer.byteLength(JSON.stringify(command)), this.limits.bodyBytesMax);
      this.reply(replyTo(command, unknown('bad-payload', message)));
    }
    if (commands.length > 0) {
      const call = new LibraryCall(commands, this.limits, this.observe(instance));
      this.post(instance, call, { path: COMMANDS_PATH, body, lane: queue.lane, headers: {} });
    }
  }

  private callPlain(instance: CatalogueInstance, command: BranchCommand): void {
    const request = plainRequest(instance, command, this.limits.bodyBytesMax);
    if (request.type === 'impossible') {
      this.reply(replyTo(command, request.reply));
      return;
    }
    const { limits } = this;
    const context = { limits, clock: this.options.clock, observer: this.observe(instance) };
    const { path, body } = request;
    this.post(instance, new PlainCall(command, context), {
      path,
      body,
      lane: command.lane,
      headers: commandHeaders(command),
    });
  }

  private post(
    instance: CatalogueInstance,
    call: ExchangeWatcher,
    content: {
      readonly path: string;
      readonly body: string;
      readonly lane: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    },
  ): void {
    const { clock, signingKey } = this.options;
    const { origin, path } = addressOf(instance.baseUrl, content.path);
    const { body, lane } = content;
    const headers = { ...commonHeaders({ path, body, lane }, signingKey, clock.now()), ...content.headers };
    const exchange: Exchange = new Exchange(
      {
        onStart: (status, answerHeaders) => {
          call.onStart(status, answerHeaders);
        },
        onChunk: (chunk) => call.onChunk(chunk),
        onEnd: (end) => {
          this.exchanges.delete(exchange);
          call.onEnd(end);
        },
      },
      { clock, timeoutMs: this.limits.requestTimeoutMs },
    );
    this.load.begin(instance);
    this.exchanges.add(exchange);
    exchange.start(this.pools.of(origin), { path, headers, body });
  }

  private observe(instance: CatalogueInstance): CallObserver {
    return {
      reply: (envelope) => {
        this.reply(envelope);
      },
      end: ({ wasReached }) => {
        this.load.end(instance, wasReached);
        this.schedule(instance.service);
        if (this.exchanges.size === 0) {
          this.onDrained?.();
        }
      },
    };
  }

  /** What goes wrong with one reply outside must not keep the others of its answer from being told. */
  private reply(envelope: ReplyEnvelope): void {
    if (this.state === 'closed') {
      return;
    }
    try {
      this.sink?.(envelope);
    } catch (error) {
      this.options.onSinkError?.(error);
    }
  }
}
