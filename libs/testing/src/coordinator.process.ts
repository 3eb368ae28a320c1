import type { Random } from '@atone/core';
import {
  Catalogue,
  DEFAULT_ENGINE_OPTIONS,
  Engine,
  type BranchTransport,
  type CatalogueStore,
  type Clock,
  type ReplySink,
  type TransactionLog,
} from '@atone/engine';
import type { BranchCommand, ReplyEnvelope } from '@atone/protocol';
import { playIn, type FailpointListener } from './scene.js';

export interface ProcessParts {
  readonly instanceId: string;
  readonly log: TransactionLog;
  readonly store: CatalogueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: FailpointListener;
  /** Takes what this coordinator sends. */
  readonly send: (command: BranchCommand, sender: CoordinatorProcess, answerWithinMs: number) => void;
}

/**
 * One coordinator, as if it were a process: once killed, nothing that it began has an effect any more, and nobody gets
 * an answer from it.
 */
export class CoordinatorProcess {
  readonly engine: Engine;
  readonly catalogue: Catalogue;
  /** Resolves when it takes requests. */
  readonly started: Promise<void>;
  private isDead = false;
  private sink: ReplySink | undefined;
  private tellDeath: (error: Error) => void = () => undefined;
  private readonly death: Promise<never>;

  constructor(private readonly parts: ProcessParts) {
    this.death = new Promise((_, reject) => {
      this.tellDeath = reject;
    });
    this.death.catch(() => undefined);
    this.catalogue = new Catalogue(parts.store);
    this.engine = new Engine(
      {
        log: this.mortal(parts.log),
        transport: this.transport(),
        catalogue: this.catalogue,
        clock: this.clock(),
        random: parts.random,
        logger: SILENT,
      },
      { ...DEFAULT_ENGINE_OPTIONS, instanceId: parts.instanceId },
    );
    this.started = this.serve(() => this.engine.start());
    this.started.catch(() => undefined);
  }

  /** Does what a request asks for. Rejects when the process dies before it has answered. */
  serve<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    return this.isDead ? this.death : Promise.race([this.play(work), this.death]);
  }

  /** Takes a reply, if anybody is there to take it. */
  take(reply: ReplyEnvelope): void {
    if (!this.isDead) {
      this.play(() => this.sink?.(reply));
    }
  }

  /** Ends it without a word. */
  kill(): void {
    this.isDead = true;
    this.tellDeath(new Error('The coordinator crashed.'));
  }

  private play<Result>(work: () => Result): Result {
    return playIn({ listener: this.parts.listener, process: this }, work);
  }

  private transport(): BranchTransport {
    return {
      onReply: (sink) => {
        this.sink = sink;
      },
      send: (command, answerWithinMs) => {
        if (!this.isDead) {
          this.parts.send(command, this, answerWithinMs);
        }
      },
      close: () => Promise.resolve(),
    };
  }

  private clock(): Clock {
    const { clock } = this.parts;
    return {
      now: () => clock.now(),
      synchronize: (logNowMs) => clock.synchronize(logNowMs),
      setTimer: (delayMs, callback) =>
        clock.setTimer(delayMs, () => {
          if (!this.isDead) {
            this.play(callback);
          }
        }),
    };
  }

  /** What was asked before the death is done; its answer, and whatever is asked after it, is not. */
  private mortal(log: TransactionLog): TransactionLog {
    return new Proxy(log, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key);
        return typeof member === 'function'
          ? (...args: unknown[]) => this.unlessDead(() => member.apply(target, args) as Promise<unknown>)
          : member;
      },
    });
  }

  private unlessDead<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return this.isDead ? NEVER : ask().then((answer) => (this.isDead ? NEVER : answer));
  }
}

/** What a dead process waits for. */
export const NEVER: Promise<never> = new Promise<never>(() => undefined);

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
