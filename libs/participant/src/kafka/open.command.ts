import type { BranchReply } from '@atone/core';
import type { BranchCommand, ReplyPlace } from '@atone/protocol';
import type { AnswerBatch } from './answer.batch.js';
import type { Turn, Work } from './gid.turns.js';
import type { Attempt } from './reply.records.js';

/** Whom an answer names, and where it is waited for. */
export interface Asked {
  readonly command: Attempt;
  readonly replyTo: ReplyPlace;
}

export interface ReadableCommand extends Asked {
  readonly command: BranchCommand;
}

export interface OpenBatch {
  readonly nowMs: number;
  readonly answers: AnswerBatch;
  readonly open: Set<OpenCommand>;
  /** Of one whose answers are stored, but for those of commands that still have their turn. */
  alarm?: { cancel(): void };
}

/** Who carries commands out, and sees to their answers. */
export interface CommandKeeper {
  execute(one: OpenCommand): Promise<BranchReply>;
  done(one: OpenCommand, reply: BranchReply): void;
  failed(one: OpenCommand, error: unknown): void;
}

/** A command that has no answer yet. */
export class OpenCommand implements Work<BranchReply> {
  turn: Turn<BranchReply> | undefined;
  /** Whether it has to wait for those of its gid that came before. */
  isInLine = false;
  /** When it had its turn. */
  sinceMs = 0;
  /** Is told how it ended when its batch does not wait for that any more. */
  late: ((replyOf: () => BranchReply) => void) | undefined;

  constructor(
    readonly asked: ReadableCommand,
    readonly batch: OpenBatch,
    private readonly keeper: CommandKeeper,
  ) {}

  run(): Promise<BranchReply> {
    return this.keeper.execute(this);
  }

  done(reply: BranchReply): void {
    this.keeper.done(this, reply);
  }

  failed(error: unknown): void {
    this.keeper.failed(this, error);
  }
}
