import type { Plan } from '../plan.js';
import type { CallCommand } from '../saga.event.js';
import { newSaga, type Saga } from '../saga.state.js';
import { ParticipantModel } from './participant.model.js';
import type { Script } from './scripts.js';
import { check } from './saga.laws.js';
import { STARTED_AT, World } from './world.js';

export interface Setting {
  readonly plan: Plan;
  readonly deadlineMs: number | undefined;
  readonly scripts: readonly { readonly action: Script; readonly compensate: Script }[];
  readonly seed: number;
}

/** A world in which the coordinator calls the actions of a plan. */
export class SagaWorld extends World<ParticipantModel> {
  constructor({ plan, deadlineMs, scripts, seed }: Setting) {
    const participants = plan.steps.map((step, position) => {
      const always: Script = { first: [], last: 'yes' };
      return new ParticipantModel(step, scripts[position] ?? { action: always, compensate: always });
    });
    const deadlineAt = deadlineMs === undefined ? undefined : STARTED_AT + deadlineMs;
    super(newSaga({ gid: 'g', plan, acceptedAt: STARTED_AT, deadlineAt }), participants, seed);
  }

  /** Who has submitted a plan has no more to say. */
  protected override initiate(): void {}

  /** Undo in reverse order of dependency, as the participants see it. */
  protected override checkAnswer(command: CallCommand): void {
    if (command.op === 'compensate' && this.participants.every(({ step }) => step.hasBarrier)) {
      const isSkippedUndo = (name: string): boolean =>
        this.row.saga.branches.some((branch) => branch.branchId === name && branch.skip?.op === 'compensate');
      const dependent = this.participants.find(
        ({ step, hasEffect }) =>
          hasEffect && step.after.includes(command.branchId) && !isSkippedUndo(step.branchId),
      );
      check(
        dependent === undefined,
        `${command.branchId} is not undone under ${dependent?.step.branchId ?? ''}`,
      );
    }
  }

  protected override checkHolder({ branches }: Saga): void {
    const isMixed = branches.some((branch) => branch.stuck?.reason === 'mixed');
    check(!isMixed, 'who holds the row is never told that somebody else undid a branch');
  }
}
