import type { BranchReply } from '@atone/core';
import type { BranchTransport, ReplySink } from '@atone/engine';
import { replyTo, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import type { Life } from './sim.process.js';
import type { Target, World } from './world.js';

/** How long a transport that is being closed waits for what is in flight. */
const CLOSE_WITHIN_MS = 1_000;

/** The transport's own patience ends a little before the engine's, so that it has the word. */
const PATIENCE_SHARE = 0.95;

/** A command that is under way, until its first answer, or until it is given up. */
interface Exchange {
  readonly command: BranchCommand;
  readonly point: string;
  isOver: boolean;
}

/** The transport of one life of a coordinator: over HTTP, or over something that brings late answers as well. */
export class SimTransport implements BranchTransport {
  private readonly open = new Set<Exchange>();
  private sink: ReplySink | undefined;
  private isClosed = false;
  private onIdle: () => void = () => undefined;

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
    const exchange = { command, point, isOver: false };
    this.open.add(exchange);
    const target = world.participantFor(command, point);
    if (answerWithinMs <= 0) {
      this.fail(exchange, { class: 'timeout', message: 'It was given up before it could leave.' });
    } else if (target === undefined) {
      this.fail(exchange, { class: 'unreachable', message: `No instance of '${command.service}' is known.` });
    } else {
      this.carry(exchange, target, answerWithinMs);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.open.size === 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      this.life.after(CLOSE_WITHIN_MS, resolve);
    });
  }

  /** Hands in a reply, whoever asked for it. */
  deliver(reply: ReplyEnvelope): void {
    try {
      this.sink?.(reply);
    } catch (error) {
      this.world.report(error);
    }
  }

  private carry(exchange: Exchange, target: Target, answerWithinMs: number): void {
    const { world } = this;
    const from = this.life.process.name;
    world.trace(from, `sends ${exchange.point} to ${target.name}`);
    if (!world.options.isTransportPatient) {
      this.life.after(answerWithinMs * PATIENCE_SHARE, () => {
        this.answer(exchange, unknown({ class: 'timeout', message: 'No answer came in time.' }));
      });
    }
    world.network.carry({ from, to: target.name, kind: 'command', point: exchange.point }, () => {
      if (target.life === undefined) {
        this.fail(exchange, { class: 'unreachable', message: `Nobody listens at ${target.name}.` });
      } else {
        const { life } = target;
        const execution = world.network.begins(life);
        life.after(0, () => {
          this.ask(exchange, target, execution);
        });
      }
    });
  }

  private ask(exchange: Exchange, target: Target, execution: { ends(): void }): void {
    const { world } = this;
    const { point, command } = exchange;
    target.receive(command, (reply) => {
      execution.ends();
      world.trace(target.name, `answers ${reply.outcome} to ${point}`);
      world.network.carry({ from: target.name, to: this.life.process.name, kind: 'reply', point }, () => {
        this.bringHome(exchange, reply);
      });
    });
  }

  /** An HTTP answer comes to who asked, and while it is waited for; a message comes to who bears the name now. */
  private bringHome(exchange: Exchange, reply: BranchReply): void {
    const { world } = this;
    if (world.options.isTransportPatient) {
      const { process } = this.life;
      process.life?.after(0, () => {
        world.coordinator(process.name).deliver(replyTo(exchange.command, reply));
      });
    } else {
      this.life.after(0, () => {
        this.answer(exchange, reply);
      });
    }
  }

  private fail(exchange: Exchange, error: Parameters<typeof unknown>[0]): void {
    this.life.after(1, () => {
      this.answer(exchange, unknown(error));
    });
  }

  private answer(exchange: Exchange, reply: BranchReply): void {
    if (exchange.isOver) {
      return;
    }
    exchange.isOver = true;
    this.deliver(replyTo(exchange.command, reply));
    this.open.delete(exchange);
    if (this.open.size === 0) {
      this.onIdle();
    }
  }
}

function unknown(error: {
  readonly class: 'timeout' | 'unreachable';
  readonly message: string;
}): BranchReply {
  return { outcome: 'unknown', error };
}
