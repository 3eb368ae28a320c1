import { COMMANDS_PATH, replyTo, requestHeaders, type ReplyEnvelope, type SigningKey } from '@atone/protocol';
import { offers, type Clock } from '@atone/engine';
import { unknown } from './classification.js';
import { takeBatch } from './command.batch.js';
import { Exchange, type ExchangeWatcher } from './exchange.js';
import type { InstanceLoad, RequestLoad } from './instance.load.js';
import { LibraryCall, type CallObserver } from './library.call.js';
import type { HttpTransportLimits } from './limits.js';
import { OriginPools } from './origin.pools.js';
import { addressOf, type HttpInstance } from './participant.address.js';
import { PlainCall, plainRequest, tooLargeMessage } from './plain.call.js';
import { commandHeaders } from './request.headers.js';
import { branchKeyOf, type ServiceQueue, type Waiting } from './service.queue.js';

export interface InstanceCallsOptions {
  readonly clock: Clock;
  readonly limits: HttpTransportLimits;
  readonly load: InstanceLoad;
  readonly signingKey: SigningKey | undefined;
  readonly onReply: (envelope: ReplyEnvelope) => void;
  /** Told what was taken from a queue too late to be sent. */
  readonly onLate: (queue: ServiceQueue, late: readonly Waiting[]) => void;
  /** Told when commands of the service may find room that they did not find before. */
  readonly onRoom: (service: string) => void;
}

interface RequestContent {
  readonly path: string;
  readonly body: string;
  readonly lane: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly commands: readonly Waiting[];
  /** By which the request may be withdrawn while it waits for a connection. */
  readonly withdrawKey?: string | undefined;
}

/** The requests that are in flight. */
export class InstanceCalls {
  private readonly pools: OriginPools;
  private readonly exchanges = new Set<Exchange>();
  /** Actions on their way to plain endpoints, by branch: of use only while they wait for a connection. */
  private readonly plainActions = new Map<string, Exchange>();
  private onDrained: (() => void) | undefined;

  constructor(private readonly options: InstanceCallsOptions) {
    this.pools = new OriginPools(options.clock, options.limits.connectTimeoutMs);
  }

  /** Takes from the queue what one request to the instance may carry, the first of `route` at least, and sends it. */
  send(instance: HttpInstance, queue: ServiceQueue, route: string): void {
    if (instance.kind === 'library') {
      this.sendBatch(instance, queue, route);
    } else {
      this.sendPlain(instance, queue, route);
    }
  }

  /** Keeps an action of the branch that still waits for a connection from leaving. */
  withdrawAction(branchKey: string): void {
    this.plainActions.get(branchKey)?.withdraw();
  }

  /** Waits for all requests to end, but no longer than the limit, and then cuts them off. */
  async drained(): Promise<void> {
    if (this.exchanges.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.options.clock.setTimer(this.options.limits.drainMs, resolve);
        this.onDrained = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }

  async stop(): Promise<void> {
    for (const exchange of this.exchanges) {
      exchange.stop({ type: 'broken', class: 'unreachable', message: 'The transport was closed.' });
    }
    await this.pools.destroy();
  }

  private sendBatch(instance: HttpInstance, queue: ServiceQueue, lead: string): void {
    const { limits, clock, onLate } = this.options;
    const routes = this.routesWith(instance, queue, lead);
    const { commands, late, oversized, body } = takeBatch(queue, { routes, nowMs: clock.now(), limits });
    for (const { command } of oversized) {
      const message = tooLargeMessage(Buffer.byteLength(JSON.stringify(command)), limits.bodyBytesMax);
      this.options.onReply(replyTo(command, unknown('bad-payload', message)));
    }
    if (late.length > 0) {
      onLate(queue, late);
    }
    if (commands.length > 0) {
      const { call, load } = this.libraryCall(instance, commands);
      this.post(
        instance,
        { call, load },
        { path: COMMANDS_PATH, body, lane: queue.lane, headers: {}, commands },
      );
    }
  }

  /** A slow route goes alone, or what goes with it would wait for it wherever something holds the lines back. */
  private routesWith(instance: HttpInstance, queue: ServiceQueue, lead: string): readonly string[] {
    const { load } = this.options;
    if (load.isSlow(instance, lead)) {
      return [lead];
    }
    const others = queue.routes.filter(
      (route) =>
        route !== lead && !load.isSlow(instance, route) && offers(instance, queue.first(route)?.action ?? ''),
    );
    return [lead, ...others];
  }

  private libraryCall(
    instance: HttpInstance,
    commands: readonly Waiting[],
  ): { readonly call: LibraryCall; readonly load: RequestLoad } {
    const load = this.options.load.begin(instance, new Set(commands.map(({ route }) => route)));
    const call = new LibraryCall(commands, this.options.limits, this.observe(instance, load));
    return { call, load };
  }

  private sendPlain(instance: HttpInstance, queue: ServiceQueue, route: string): void {
    const taken: Waiting[] = [];
    queue.take(route, (waiting) => taken.length === 0 && taken.push(waiting) > 0);
    for (const waiting of taken) {
      if (waiting.leaveBy <= this.options.clock.now()) {
        this.options.onLate(queue, taken);
      } else {
        this.sendOne(instance, waiting);
      }
    }
  }

  private sendOne(instance: HttpInstance, waiting: Waiting): void {
    const { command, route } = waiting;
    const { limits, clock, onReply } = this.options;
    const request = plainRequest(instance, command, limits.bodyBytesMax);
    if (request.type === 'answered') {
      onReply(replyTo(command, request.reply));
      return;
    }
    const load = this.options.load.begin(instance, [route]);
    const call = new PlainCall(waiting, { limits, clock, observer: this.observe(instance, load) });
    this.post(
      instance,
      { call, load },
      {
        path: request.path,
        body: request.body,
        lane: command.lane,
        headers: commandHeaders(command),
        commands: [waiting],
        withdrawKey: command.op === 'action' ? branchKeyOf(command) : undefined,
      },
    );
  }

  private post(
    instance: HttpInstance,
    { call, load }: { readonly call: ExchangeWatcher; readonly load: RequestLoad },
    content: RequestContent,
  ): void {
    const { clock, limits, signingKey } = this.options;
    const { origin, path } = addressOf(instance.baseUrl, content.path);
    const { body, lane, withdrawKey } = content;
    const headers = { ...requestHeaders({ path, body, lane }, signingKey, clock.now()), ...content.headers };
    const exchange: Exchange = new Exchange(
      {
        lastGiveUpAt: () => call.lastGiveUpAt(),
        onStart: (status, answerHeaders) => {
          load.heard();
          call.onStart(status, answerHeaders);
        },
        onChunk: (chunk) => call.onChunk(chunk),
        onEnd: (end) => {
          this.forget(exchange, withdrawKey);
          call.onEnd(end);
        },
      },
      { clock, firstGiveUpAt: firstGiveUpAt(content.commands), lateAnswerMs: limits.lateAnswerMs },
    );
    this.exchanges.add(exchange);
    if (withdrawKey !== undefined) {
      this.plainActions.set(withdrawKey, exchange);
    }
    exchange.start(this.pools.of(origin), { path, headers, body });
  }

  private forget(exchange: Exchange, withdrawKey: string | undefined): void {
    this.exchanges.delete(exchange);
    if (withdrawKey !== undefined && this.plainActions.get(withdrawKey) === exchange) {
      this.plainActions.delete(withdrawKey);
    }
  }

  private observe(instance: HttpInstance, load: RequestLoad): CallObserver {
    return {
      reply: (envelope) => {
        this.options.onReply(envelope);
      },
      endRoute: (route) => {
        load.endRoute(route);
        this.options.onRoom(instance.service);
      },
      end: (how) => {
        load.end(how);
        this.options.onRoom(instance.service);
        if (this.exchanges.size === 0) {
          this.onDrained?.();
        }
      },
    };
  }
}

function firstGiveUpAt(commands: readonly Waiting[]): number {
  return commands.reduce((first, { giveUpAt }) => Math.min(first, giveUpAt), Infinity);
}
