import type { BranchOp } from '@atone/core';

/** One command for a branch, and what the user's code would do if it ran. */
export interface Move {
  readonly op: BranchOp;
  readonly round: number;
  readonly amount: number;
  readonly code: 'works' | 'refuses' | 'throws';
}

/** The reason with which the user's code refuses. */
export const NO = 'no';
const CLOSED = 'closed by operator';

interface ModelRefusal {
  readonly round: number;
  /** Undefined where no action came. */
  readonly amount?: number | undefined;
  readonly reason: string;
}

/** What the barrier must answer, told without a database: a list of the answers given so far is all it knows. */
export class BranchModel {
  effects: readonly number[] = [];
  private isUndone: 'empty' | 'full' | undefined;
  private done: { readonly round: number; readonly amount: number } | undefined;
  private refused: ModelRefusal | undefined;
  private undoRefused: ModelRefusal | undefined;

  copy(): BranchModel {
    return Object.assign(new BranchModel(), this);
  }

  /** Returns the name of the reply, with the reason of a refusal. */
  play(move: Move): string {
    switch (move.op) {
      case 'action':
        return this.act(move);
      case 'compensate':
        return this.undo(move);
      case 'close-action':
        return this.closeAction(move);
      case 'close-compensate':
        return this.closeUndo(move);
      case 'confirm':
      case 'close-confirm':
        return 'code';
    }
  }

  private act({ round, amount, code }: Move): string {
    if (this.isUndone !== undefined) {
      return 'already-undone';
    }
    if (this.done !== undefined) {
      return this.done.amount === amount || round > this.done.round ? 'done' : 'bad-payload';
    }
    if (this.refused !== undefined && round <= this.refused.round) {
      const isSame = (this.refused.amount ?? amount) === amount;
      return isSame ? nameOfRefusal(this.refused) : 'bad-payload';
    }
    if (code === 'throws') {
      return 'error';
    }
    if (code === 'refuses') {
      this.refused = { round, amount, reason: NO };
      return nameOfRefusal(this.refused);
    }
    this.done = { round, amount };
    this.effects = [...this.effects, amount];
    return 'done';
  }

  private undo({ round, code }: Move): string {
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    if (this.undoRefused !== undefined && round <= this.undoRefused.round) {
      return nameOfRefusal(this.undoRefused);
    }
    if (code === 'throws') {
      return 'error';
    }
    if (code === 'refuses') {
      this.undoRefused = { round, reason: NO };
      return nameOfRefusal(this.undoRefused);
    }
    this.isUndone = 'full';
    this.effects = [...this.effects, -this.done.amount];
    return 'undone';
  }

  private closeAction({ round }: Move): string {
    if (this.isUndone !== undefined) {
      return 'already-undone';
    }
    if (this.done !== undefined) {
      return 'done';
    }
    const { refused = { round, reason: CLOSED } } = this;
    this.refused = { ...refused, round: Math.max(round, refused.round) };
    return 'closed';
  }

  private closeUndo({ round }: Move): string {
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    if (this.undoRefused === undefined || round > this.undoRefused.round) {
      this.undoRefused = { round, reason: CLOSED };
    }
    return 'closed';
  }

  private endEmpty(): string {
    this.isUndone ??= 'empty';
    return this.isUndone === 'empty' ? 'undone empty' : 'undone';
  }
}

function nameOfRefusal({ reason }: ModelRefusal): string {
  return `refused: ${reason}`;
}
