import type { BranchReply, CallCommand } from '../saga.event.js';
import type { PlanStep } from '../plan.js';
import { perform, STORED_NO, type Behaviour, type Script } from './scripts.js';

/**
 * A participant of one branch, with its barrier: what S4 to S7 promise, in thirty lines.
 *
 * Without a barrier it still does nothing twice, but knows neither rounds nor undone actions.
 */
export class ParticipantModel {
  /** How often the action and its undo took effect. */
  effectCount = 0;
  undoCount = 0;
  private isUndone = false;
  private readonly refusedRound = { action: 0, compensate: 0 };
  private readonly scripts: Record<'action' | 'compensate', { first: Behaviour[]; last: Behaviour }>;

  constructor(
    readonly step: PlanStep,
    scripts: { readonly action: Script; readonly compensate: Script },
  ) {
    this.scripts = {
      action: { first: [...scripts.action.first], last: scripts.action.last },
      compensate: { first: [...scripts.compensate.first], last: scripts.compensate.last },
    };
  }

  get branchId(): string {
    return this.step.branchId;
  }

  get hasEffect(): boolean {
    return this.effectCount > this.undoCount;
  }

  /** From now on the participant's code does as it is told. */
  heal(): void {
    this.scripts.action = { first: [], last: 'yes' };
    this.scripts.compensate = { first: [], last: 'yes' };
  }

  answer(command: CallCommand): BranchReply {
    switch (command.op) {
      case 'action':
        return this.act(command.round);
      case 'compensate':
        return this.undo(command.round);
      case 'close-action':
        return this.stored('action') ?? this.close('action', command.round);
      case 'close-compensate':
        return this.stored('compensate') ?? this.close('compensate', command.round);
      case 'confirm':
      case 'close-confirm':
        throw new Error('Nothing is confirmed in an orchestrated saga.');
    }
  }

  private act(round: number): BranchReply {
    const stored = this.stored('action');
    if (stored !== undefined) {
      return stored;
    }
    return this.isClosed('action', round) ? STORED_NO : this.run('action', round);
  }

  private undo(round: number): BranchReply {
    const stored = this.stored('compensate');
    if (stored !== undefined) {
      return stored;
    }
    if (!this.hasEffect) {
      this.isUndone = this.step.hasBarrier;
      return { outcome: 'undone', wasEmpty: true };
    }
    return this.isClosed('compensate', round) ? STORED_NO : this.run('compensate', round);
  }

  private stored(op: 'action' | 'compensate'): BranchReply | undefined {
    if (op === 'compensate') {
      return this.isUndone ? { outcome: 'undone', wasEmpty: false } : undefined;
    }
    if (this.isUndone) {
      return { outcome: 'already-undone' };
    }
    return this.hasEffect ? { outcome: 'done', output: this.step.branchId } : undefined;
  }

  private close(op: 'action' | 'compensate', round: number): BranchReply {
    this.refusedRound[op] = Math.max(this.refusedRound[op], round);
    return { outcome: 'closed' };
  }

  private isClosed(op: 'action' | 'compensate', round: number): boolean {
    return this.step.hasBarrier && round <= this.refusedRound[op];
  }

  private run(op: 'action' | 'compensate', round: number): BranchReply {
    const behaviour = this.scripts[op].first.shift() ?? this.scripts[op].last;
    return perform(behaviour, {
      takeEffect: () => this.takeEffect(op),
      refuse: () => {
        this.close(op, round);
        return STORED_NO;
      },
    });
  }

  private takeEffect(op: 'action' | 'compensate'): BranchReply {
    if (op === 'action') {
      this.effectCount += 1;
      return { outcome: 'done', output: this.step.branchId };
    }
    this.undoCount += 1;
    this.isUndone = this.step.hasBarrier;
    return { outcome: 'undone', wasEmpty: false };
  }
}
