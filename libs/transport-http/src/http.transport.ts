import type { Random } from '@atone/core';
import { offering, type BranchTransport, type Catalogue, type Clock, type ReplySink } from '@atone/engine';
import { replyTo, type BranchCommand, type ReplyEnvelope, type SigningKey } from '@atone/protocol';
import { unknown } from './classification.js';
import { InstanceCalls } from './instance.calls.js';
import { chooseInstance } from './instance.choice.js';
import { InstanceLoad } from './instance.load.js';
import { DEFAULT_LIMITS, type HttpTransportLimits } from './limits.js';
import { QueueExpiry } from './queue.expiry.js';
import { branchKeyOf, routeOf, ServiceQueue, type Waiting } from './service.queue.js';
import { nobodyWords } from './nobody.words.js';
import { notSentMessage } from './not-sent.js';
import { isReachable, type HttpInstance } from './participant.address.js';

/** So much of its time a command may wait; then it is told why, before the engine gives it up without a reason. */
const WAITING_SHARE = 0.95;

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
 * flight as it may, commands gather, so that a slow one gets fewer and larger batches. What does not find room in its
 * time never leaves.
 */
export class HttpTransport implements BranchTransport {
  private readonly load: InstanceLoad;
  private readonly calls: InstanceCalls;
  private readonly expiry: QueueExpiry;
  /** By service, then by lane. */
  private readonly queues = new Map<string, Map<string, ServiceQueue>>();
  private readonly turns = new Map<string, number>();
  private readonly dueServices = new Set<string>();
  private sink: ReplySink | undefined;
  private state: 'open' | 'draining' | 'closed' = 'open';
  private closing: Promise<void> | undefined;

  constructor(private readonly options: HttpTransportOptions) {
    const { clock, signingKey } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.load = new InstanceLoad(clock, limits);
    this.expiry = new QueueExpiry(clock, (queue) => {
      this.replyNotSent(queue, queue.takeLate(clock.now()));
      this.schedule(queue.service);
    });
    this.calls = new InstanceCalls({
      clock,
      limits,
      load: this.load,
      signingKey,
      onReply: (envelope) => {
        this.reply(envelope);
      },
      onLate: (queue, late) => {
        this.replyNotSent(queue, late);
      },
      onRoom: (service) => {
        this.schedule(service);
      },
    });
  }

  onReply(sink: ReplySink): void {
    this.sink = sink;
  }

  /** Hands a command over. After `close` it is dropped without a reply. */
  send(command: BranchCommand, answerWithinMs: number): void {
    if (this.state !== 'open') {
      return;
    }
    const nowMs = this.options.clock.now();
    if (command.op !== 'action') {
      this.calls.withdrawAction(branchKeyOf(command));
    }
    this.queueOf(command).add({
      command,
      route: routeOf(command),
      leaveBy: nowMs + answerWithinMs * WAITING_SHARE,
      giveUpAt: nowMs + answerWithinMs,
    });
    this.schedule(command.service);
  }

  /** Drops what was not sent yet, and waits for the replies to the rest, but no longer than the limit. */
  async close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.state = 'draining';
    this.queues.clear();
    this.expiry.stop();
    await this.calls.drained();
    this.state = 'closed';
    await this.calls.stop();
  }

  private queueOf({ service, lane }: BranchCommand): ServiceQueue {
    const key = lane ?? '';
    let queues = this.queues.get(service);
    if (queues === undefined) {
      queues = new Map();
      this.queues.set(service, queues);
    }
    let queue = queues.get(key);
    if (queue === undefined) {
      queue = new ServiceQueue(service, lane);
      queues.set(key, queue);
    }
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

  /**
   * Lanes are named by clients, so that an empty queue must not stay behind. One that has sent something goes to the
   * end, so that the next room is another lane's.
   */
  private pumpService(service: string): void {
    const queues = this.queues.get(service) ?? new Map<string, ServiceQueue>();
    const inTurn = Array.from(queues);
    for (const [key, queue] of inTurn) {
      const hasSent = this.pump(queue);
      this.expiry.watch(queue);
      if (hasSent || queue.size === 0) {
        queues.delete(key);
      }
      if (hasSent && queue.size > 0) {
        queues.set(key, queue);
      }
    }
  }

  private instancesOf(service: string): readonly HttpInstance[] {
    return this.options.catalogue.instancesOf(service).filter(isReachable);
  }

  private nextTurn(service: string): number {
    const turn = this.turns.get(service) ?? Math.floor(this.options.random.next() * 1_000_003);
    this.turns.set(service, turn + 1);
    return turn;
  }

  /**
   * Sends from the queue, its routes taking turns, until each is empty or nobody may be asked for it any more. Returns
   * whether anything was sent.
   */
  private pump(queue: ServiceQueue): boolean {
    let hasSent = false;
    let routes = queue.routes;
    while (routes.length > 0) {
      routes = routes.filter((route) => this.sendFrom(queue, route));
      hasSent ||= routes.length > 0;
    }
    return hasSent;
  }

  /** Sends one request, if it may, and returns whether the route may send another. */
  private sendFrom(queue: ServiceQueue, route: string): boolean {
    const head = queue.first(route);
    if (head === undefined) {
      return false;
    }
    const { clock } = this.options;
    const instances = offering(this.instancesOf(queue.service), head.action);
    const wanted = { lane: queue.lane, turn: this.nextTurn(queue.service), nowMs: clock.now() };
    const choice = chooseInstance(instances, wanted, this.load.on(route));
    switch (choice.type) {
      case 'full':
        return false;
      case 'none':
        this.replyNobody(queue, route);
        return false;
      case 'instance':
        this.calls.send(choice.instance, queue, route);
        queue.yieldTurn(route);
        return true;
    }
  }

  private replyNobody(queue: ServiceQueue, route: string): void {
    const { service, lane } = queue;
    const instances = this.options.catalogue.instancesOf(service);
    const reply = unknown('unreachable', nobodyWords({ service, lane, instances }));
    const nobodys: BranchCommand[] = [];
    queue.take(route, ({ command }) => nobodys.push(command) > 0);
    for (const command of nobodys) {
      this.reply(replyTo(command, reply));
    }
  }

  private replyNotSent(queue: ServiceQueue, late: readonly Waiting[]): void {
    const instances = this.instancesOf(queue.service);
    const messages = new Map<string, string>();
    for (const { command, route } of late) {
      const message =
        messages.get(route) ??
        notSentMessage(command, { instances, load: this.load, clock: this.options.clock });
      messages.set(route, message);
      this.reply(replyTo(command, unknown('unreachable', message)));
    }
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
