import type { Decision, LedBranch } from '../led.branch.js';
import { isToConfirm } from '../led.list.js';
import { activeLed, decidedLed } from '../led.plan.js';
import type { BranchReply, CallCommand, SagaEvent } from '../saga.event.js';
import { branchOf, outcomeOf, positionOf, type Branch, type Saga } from '../saga.state.js';
import { decision, LED } from './leds.js';
import { perform, STORED_NO, type Behaviour, type Script } from './scripts.js';
import { check } from './saga.laws.js';
import { STARTED_AT, World, type Driver, type Participant } from './world.js';

/** One branch of a led transaction, and what its participant is going to do. */
export interface LedPart {
  readonly branch: LedBranch;
  /** Whether its call returned normally, and it is told in full or by a count; whether it threw; or nobody knows of it. */
  readonly role: 'listed' | 'counted' | 'thrown' | 'unheard';
  readonly isRegistered: boolean;
  /** What its participant has when the decision comes. */
  readonly found: 'done' | 'lost' | 'undone';
  readonly confirm: Script;
  readonly compensate: Script;
}

export interface LedSetting {
  readonly parts: readonly LedPart[];
  readonly start: 'commit' | 'abort' | 'active';
  readonly seed: number;
}

const DEADLINE_MS = 5_000;

/** What counted branches begin with. */
export const COUNTED = '9~r.';

/** A world in which the branches are there already, and the coordinator brings them the decision. */
export class LedWorld extends World<LedParticipant> {
  constructor(private readonly setting: LedSetting) {
    const { parts, start, seed } = setting;
    super(
      sagaOf(parts, start),
      parts.map((part) => new LedParticipant(part)),
      seed,
    );
  }

  /** Whatever cannot be confirmed any more is passed over; the rest is asked again. */
  override repair(): void {
    super.repair();
    for (const { branchId, canConfirm } of this.participants) {
      const isKnown = positionOf(this.saga, branchId) !== -1;
      if (isKnown && branchOf(this.saga, branchId).state === 'confirming' && !canConfirm) {
        this.advance(this.holder, { type: 'skip', branchId, by: 'ann', reason: 'it is gone' });
      }
    }
  }

  /** Checks that the end is one for all: the branches of one list confirmed, and all others undone. */
  checkEnd(): void {
    const { saga } = this;
    if (saga.state === 'committed') {
      const confirmed = saga.branches.filter(isOfConfirm).map(({ branchId }) => branchId);
      const lists = this.decisions().filter(({ to }) => to === 'commit');
      const isOneList = lists.some((asked) => isListOf(asked, confirmed));
      check(isOneList, `what is confirmed is one list, yet it is ${confirmed.join(', ')}`);
    }
    for (const branch of saga.branches) {
      const participant = this.participants.find(({ branchId }) => branchId === branch.branchId);
      check(participant !== undefined, 'each branch has a participant');
      participant.checkEnd(branch);
      const isWanted = isToConfirm(saga, branch.branchId, participant.nonce);
      check(
        isWanted === isOfConfirm(branch),
        `who is in doubt about ${branch.branchId} is told what was done`,
      );
    }
  }

  protected override initiate(at: number, driver: Driver): void {
    const events: SagaEvent[] = [
      ...this.decisions().map((asked) => ({ type: 'decide', decision: asked }) as const),
      { type: 'decide', decision: { ...this.decisions()[0], secretHash: 'forged' } as Decision },
      ...this.setting.parts
        .filter(({ isRegistered }) => isRegistered)
        .map(({ branch }) => ({ type: 'enlist', branches: [branch] }) as const),
    ];
    const event = events[at % events.length];
    const after = event === undefined ? undefined : this.advance(driver, event);
    if (event?.type === 'decide' && after !== undefined) {
      checkAccepted(event.decision, after.saga);
    }
  }

  /** Each answer is checked by the participant itself. */
  protected override checkAnswer(): void {}

  protected override checkHolder(saga: Saga): void {
    for (const { stuck } of saga.branches) {
      const isOfCommit = stuck?.reason === 'mixed' || stuck?.reason === 'branch-lost';
      check(!isOfCommit || saga.state === 'committing', 'only a commit finds that a branch is gone');
    }
  }

  /** The initiator means one of these; a network may bring it several times, and a defect another one. */
  private decisions(): Decision[] {
    const { parts } = this.setting;
    return [decisionOf('commit', parts), decisionOf('abort', parts), decisionOf('commit', parts.slice(1))];
  }
}

/** The participant of a branch of a led transaction: an action has run, or so it seemed. */
class LedParticipant implements Participant {
  readonly branchId: string;
  readonly nonce: string | undefined;
  private readonly hasBarrier: boolean;
  private readonly kind: LedBranch['kind'];
  private row: 'none' | 'done' | 'confirmed' | 'undone';
  private readonly counts = { confirm: 0, compensate: 0 };
  private readonly closedRound = { confirm: 0, compensate: 0 };
  private readonly scripts: Record<'confirm' | 'compensate', { first: Behaviour[]; last: Behaviour }>;
  /** What it was told to do, which is never both. */
  private told: 'confirm' | 'compensate' | undefined;

  constructor({ branch, found, confirm, compensate }: LedPart) {
    this.branchId = branch.branchId;
    this.kind = branch.kind;
    this.nonce = branch.nonce;
    this.hasBarrier = branch.nonce !== undefined;
    this.row = found === 'lost' ? 'none' : found;
    this.scripts = {
      confirm: { first: [...confirm.first], last: confirm.last },
      compensate: { first: [...compensate.first], last: compensate.last },
    };
  }

  get canConfirm(): boolean {
    return this.row === 'done' || this.row === 'confirmed';
  }

  heal(): void {
    this.scripts.confirm = { first: [], last: 'yes' };
    this.scripts.compensate = { first: [], last: 'yes' };
  }

  answer({ op, round }: CallCommand): BranchReply {
    const isConfirm = op === 'confirm' || op === 'close-confirm';
    check(isConfirm || op === 'compensate' || op === 'close-compensate', `no ${op} in a led transaction`);
    const direction = isConfirm ? 'confirm' : 'compensate';
    this.told ??= direction;
    check(this.told === direction, `${this.branchId} is never told both to confirm and to undo`);
    const known = isConfirm ? this.knownOfConfirm() : this.knownOfUndo();
    if (known !== undefined) {
      return known;
    }
    if (op !== direction) {
      this.closedRound[direction] = Math.max(this.closedRound[direction], round);
      return { outcome: 'closed' };
    }
    const isClosed = this.hasBarrier && round <= this.closedRound[direction];
    return isClosed ? STORED_NO : this.run(direction, round);
  }

  checkEnd({ state }: Branch): void {
    const { confirm, compensate } = this.counts;
    const name = `${this.branchId} is ${state} with ${confirm} confirms and ${compensate} undos`;
    check(confirm + compensate <= 1, name);
    const isSilent = this.kind === 'saga' && !this.hasBarrier;
    if (state === 'confirmed') {
      check(compensate === 0 && confirm === (isSilent ? 0 : 1), name);
    } else if (state === 'compensated') {
      check(confirm === 0 && this.row === 'undone', name);
    } else {
      check(state === 'skipped' && (!this.hasBarrier || confirm + compensate === 0), name);
    }
  }

  private knownOfConfirm(): BranchReply | undefined {
    switch (this.row) {
      case 'none':
        return { outcome: 'lost', message: 'There is no row.' };
      case 'confirmed':
        return { outcome: 'confirmed' };
      case 'undone':
        return { outcome: 'already-undone' };
      case 'done':
        return undefined;
    }
  }

  private knownOfUndo(): BranchReply | undefined {
    if (this.row === 'done') {
      return undefined;
    }
    const wasEmpty = this.row === 'none';
    this.row = 'undone';
    return { outcome: 'undone', wasEmpty };
  }

  private run(op: 'confirm' | 'compensate', round: number): BranchReply {
    const behaviour = this.scripts[op].first.shift() ?? this.scripts[op].last;
    return perform(behaviour, {
      takeEffect: () => this.takeEffect(op),
      refuse: () => {
        this.closedRound[op] = Math.max(this.closedRound[op], round);
        return STORED_NO;
      },
    });
  }

  private takeEffect(op: 'confirm' | 'compensate'): BranchReply {
    this.counts[op] += 1;
    if (op === 'confirm') {
      this.row = 'confirmed';
      return { outcome: 'confirmed' };
    }
    this.row = 'undone';
    return { outcome: 'undone', wasEmpty: false };
  }
}

function sagaOf(parts: readonly LedPart[], start: LedSetting['start']): Saga {
  const facts = { gid: 'g', name: 'test', led: LED, acceptedAt: STARTED_AT };
  const registered = parts.filter(({ isRegistered }) => isRegistered).map(({ branch }) => branch);
  const hasCounted = parts.some(({ role }) => role === 'counted');
  const saga =
    start === 'active' || (start === 'commit' && hasCounted)
      ? activeLed({ ...facts, deadlineAt: STARTED_AT + DEADLINE_MS }, registered.slice(1))
      : decidedLed(facts, decisionOf(start, parts));
  const retry = { ...SHORT, attemptCountMax: 2, undoAttemptCountMax: 2 };
  return { ...saga, plan: { ...saga.plan, retry } };
}

const SHORT = { initialMs: 100, capMs: 1000, replyTimeoutMs: 1000 } as const;

function decisionOf(to: Decision['to'], parts: readonly LedPart[]): Decision {
  const of = (role: LedPart['role']): LedBranch[] =>
    parts.filter((part) => part.role === role).map(({ branch }) => branch);
  const count = of('counted').length;
  return decision(to, of('listed'), {
    thrown: of('thrown'),
    registered: count === 0 ? [] : [{ prefix: COUNTED, count }],
  });
}

/** Checks that who was not refused has what he asked for. */
function checkAccepted(asked: Decision, { state, plan }: Saga): void {
  const wanted = asked.to === 'commit' ? 'committed' : 'aborted';
  check(asked.secretHash === LED.secretHash, 'only who knows the secret decides');
  check(outcomeOf(state) === wanted, `who asks for ${asked.to} is not told yes when it is ${state}`);
  const following = plan.steps.filter(({ led }) => led?.goal === 'follow').map(({ branchId }) => branchId);
  check(asked.to === 'abort' || isListOf(asked, following), 'a commit is of the list that was asked for');
}

function isOfConfirm({ state, skip }: Branch): boolean {
  return state === 'confirmed' || (state === 'skipped' && skip?.op === 'confirm');
}

/** Tells whether these are the branches that a decision lists, and as many as it counts on. */
function isListOf({ branches, registered }: Decision, branchIds: readonly string[]): boolean {
  const counted = branchIds.filter((branchId) => branchId.startsWith(COUNTED));
  const all = [...branches.map(({ branchId }) => branchId), ...counted].toSorted();
  return counted.length === (registered[0]?.count ?? 0) && all.join() === branchIds.toSorted().join();
}
