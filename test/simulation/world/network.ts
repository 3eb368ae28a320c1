import type { BranchReply } from '@atone/core';
import type { BranchTransport, ReplySink } from '@atone/engine';
import { replyTo, type BranchCommand } from '@atone/protocol';
import type { PointFaultKind } from '../plan/fault.js';
import type { Life } from './sim.process.js';
import type { World } from './world.js';

/** The latest a message may come, in ms. */
const LATE_MS = 20_000;

/** Messages between processes: late, lost, repeated, overtaken, or cut off in one direction. */
export class Network {
  /** Messages that have yet to arrive. Nothing is quiet before they have. */
  inFlightCount = 0;
  private readonly cuts = new Set<string>();

  constructor(private readonly world: World) {}

  cut(from: string, to: string): void {
    this.world.trace(from, `is cut off from ${to}`);
    this.cuts.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.cuts.delete(`${from}>${to}`);
  }

  healAll(): void {
    this.cuts.clear();
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from}>${to}`);
  }

  /** Brings a message to its place once, twice, or never. */
  carry(
    message: {
      readonly from: string;
      readonly to: string;
      readonly kind: 'command' | 'reply';
      readonly point: string;
    },
    arrive: () => void,
  ): void {
    const { from, to, kind, point } = message;
    const { fates, draws, options } = this.world;
    const strike = (fault: PointFaultKind): number | undefined => fates.strike(fault, point);
    if (strike(`${kind}-lost`) !== undefined || this.isCut(from, to)) {
      this.world.trace(from, `${kind} ${point} is lost`);
      return;
    }
    const jitterMs = options.isReordering ? draws.next(`${kind} ${point} latency`) * 8 : 0;
    const lateMs = (strike(`${kind}-late`) ?? 0) ** 3 * LATE_MS;
    this.bring(1 + jitterMs + lateMs, arrive);
    const again = strike(`${kind}-repeated`);
    if (again !== undefined) {
      this.bring(2 + again ** 3 * LATE_MS, arrive);
    }
  }

  private bring(afterMs: number, arrive: () => void): void {
    this.inFlightCount += 1;
    this.world.scheduler.after(afterMs, () => {
      this.inFlightCount -= 1;
      this.world.running = undefined;
      arrive();
    });
  }
}

/** The transport of one life of a coordinator. */
export class SimTransport implements BranchTransport {
  private sink: ReplySink | undefined;
  private isClosed = false;

  constructor(
    private readonly life: Life,
    private readonly world: World,
  ) {}

  onReply(sink: ReplySink): void {
    this.sink = sink;
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    if (this.life.isOver || this.isClosed) {
      return;
    }
    const { world } = this;
    const point = world.nameOf(command);
    const target = world.participantFor(command, point);
    const from = this.life.process.name;
    world.trace(from, `sends ${point} to ${target.name}`);
    const exchange = { isOver: false };
    if (!world.options.isTransportPatient) {
      this.life.after(answerWithinMs * 0.95, () => {
        this.answer(command, exchange, { class: 'timeout', message: 'No answer came in time.' });
      });
    }
    world.network.carry({ from, to: target.name, kind: 'command', point }, () => {
      const { life } = target;
      if (life === undefined) {
        this.life.after(1, () => {
          this.answer(command, exchange, {
            class: 'unreachable',
            message: `Nobody listens at ${target.name}.`,
          });
        });
        return;
      }
      life.after(0, () => {
        target.receive(command, (reply) => {
          world.trace(target.name, `answers ${reply.outcome} to ${point}`);
          world.network.carry({ from: target.name, to: from, kind: 'reply', point }, () => {
            this.bringHome(command, exchange, reply);
          });
        });
      });
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** An HTTP answer comes to who asked, and while it is waited for; a message comes to who bears the name now. */
  private bringHome(command: BranchCommand, exchange: { isOver: boolean }, reply: BranchReply): void {
    if (this.world.options.isTransportPatient) {
      this.life.process.life?.after(0, () => {
        this.world.coordinator(this.life.process.name).deliver(replyTo(command, reply));
      });
    } else {
      this.life.after(0, () => {
        if (!exchange.isOver) {
          exchange.isOver = true;
          this.sink?.(replyTo(command, reply));
        }
      });
    }
  }

  private answer(
    command: BranchCommand,
    exchange: { isOver: boolean },
    error: { readonly class: 'timeout' | 'unreachable'; readonly message: string },
  ): void {
    if (!exchange.isOver) {
      exchange.isOver = true;
      this.sink?.(replyTo(command, { outcome: 'unknown', error }));
    }
  }

  /** Hands in a reply, whoever asked for it. */
  deliver(reply: ReturnType<typeof replyTo>): void {
    this.sink?.(reply);
  }
}
