import type { BranchOp } from '@atone/core';

/** One command for a branch, and what the user's code would do if it ran. */
export interface Move {
  readonly op: BranchOp;
  readonly round: number;
  readonly amount: number;
  readonly code: 'works' | 'refuses' | 'throws';
}

/** What the barrier must answer, told without a database: a list of the answers given so far is all it knows. */
export class BranchModel {
  readonly effects: number[] = [];
  private isUndone: 'empty' | 'full' | undefined;
  private done: number | undefined;
  private refused: { readonly round: number; readonly amount: number | undefined } | undefined;
  private undoRefusedRound = 0;

  /** Returns the name of the reply. */
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
    }
  }

  private act({ round, amount, code }: Move): string {
    if (this.isUndone !== undefined) {
      return 'already-undone';
    }
    if (this.done !== undefined) {
      return this.done === amount || round > this.doneRound ? 'done' : 'bad-payload';
    }
    if (this.refused !== undefined && round <= this.refused.round) {
      return (this.refused.amount ?? amount) === amount ? 'refused' : 'bad-payload';
    }
    if (code === 'throws') {
      return 'error';
    }
    if (code === 'refuses') {
      this.refused = { round, amount };
      return 'refused';
    }
    this.done = amount;
    this.doneRound = round;
    this.effects.push(amount);
    return 'done';
  }

  private doneRound = 0;

  private undo({ round, code }: Move): string {
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    if (round <= this.undoRefusedRound) {
      return 'refused';
    }
    // The compensation of the test's ledger has no place to throw, so only a refusal keeps it.
    if (code === 'refuses') {
      this.undoRefusedRound = round;
      return 'refused';
    }
    this.isUndone = 'full';
    this.effects.push(-this.done);
    return 'undone';
  }

  private closeAction({ round }: Move): string {
    if (this.isUndone !== undefined) {
      return 'already-undone';
    }
    if (this.done !== undefined) {
      return 'done';
    }
    this.refused = {
      round: Math.max(round, this.refused?.round ?? 0),
      amount: this.refused?.amount,
    };
    return 'closed';
  }

  private closeUndo({ round }: Move): string {
    if (this.isUndone !== undefined || this.done === undefined) {
      return this.endEmpty();
    }
    this.undoRefusedRound = Math.max(round, this.undoRefusedRound);
    return 'closed';
  }

  private endEmpty(): string {
    this.isUndone ??= 'empty';
    return this.isUndone === 'empty' ? 'undone empty' : 'undone';
  }
}
