import type { BranchOp } from '@atone/core';

/** One command for a branch, and what the user's code would do if it ran. */
export interface Move {
  readonly op: BranchOp;
  readonly round: number;
  readonly amount: number;
  readonly code: 'works' | 'refuses' | 'throws';
  /** Whether a confirm is about the effect of another run, whose row was lost. */
  readonly isStray: boolean;
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
  /** Of the undo, or of the confirm. */
  private endRefused: ModelRefusal | undefined;
  private isConfirmed = false;

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
        return this.confirm(move);
      case 'close-confirm':
        return this.closeConfirm(move);
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

  private confirm({ round, code, isStray }: Move): string {
    const ended = this.endOfConfirm(isStray);
    if (ended !== undefined) {
      return ended;
    }
    if (this.endRefused !== undefined && round <= this.endRefused.round) {
      return nameOfRefusal(this.endRefused);
    }
    if (code === 'throws') {
      return 'error';
    }
    if (code === 'refuses') {
      this.endRefused = { round, reason: NO };
      return nameOfRefusal(this.endRefused);
    }
    this.isConfirmed = true;
    this.effects = [...this.effects, 0];
    return 'confirmed';
  }

  private closeConfirm({ round, isStray }: Move): string {
    const ended = this.endOfConfirm(isStray);
    if (ended !== undefined) {
      return ended;
    }
    if (this.endRefused === undefined || round > this.endRefused.round) {
      this.endRefused = { round, reason: CLOSED };
    }
    return 'closed';
  }

  /** Returns the answer to a confirm, unless there is an effect that waits for one. */
  private endOfConfirm(isStray: boolean): string | undefined {
    const hasRun = this.done !== undefined || this.refused !== undefined;
    if (this.isUndone !== undefined) {
      return hasRun && isStray ? 'lost' : 'already-undone';
    }
    if (this.done === undefined || isStray) {
      return 'lost';
    }
    return this.isConfirmed ? 'confirmed' : undefined;
  }

  private undo({ round, code }: Move): string {
    if (this.isConfirmed) {
      return 'code';
    }
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    if (this.endRefused !== undefined && round <= this.endRefused.round) {
      return nameOfRefusal(this.endRefused);
    }
    if (code === 'throws') {
      return 'error';
    }
    if (code === 'refuses') {
      this.endRefused = { round, reason: NO };
      return nameOfRefusal(this.endRefused);
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
    if (this.isConfirmed) {
      return 'code';
    }
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    if (this.endRefused === undefined || round > this.endRefused.round) {
      this.endRefused = { round, reason: CLOSED };
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
