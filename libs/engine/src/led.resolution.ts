import {
  ActRefusedError,
  AlreadyDecidedError,
  isResolvable,
  isResolvedAs,
  outcomeOf,
  resolvedLed,
  type Actor,
  type LedBranch,
  type OperatorAct,
  type Resolution,
  type Saga,
} from '@atone/core';
import { untilTaken, type Acts } from './acts.js';
import { ambiguityOf, type BranchDoubt } from './branch.doubt.js';
import { iso } from './api.shapes.js';
import type { EnginePorts } from './engine.ports.js';
import { TransactionNotFoundError } from './errors.js';
import type { Hearsay, HearsayEntry } from './hearsay.js';
import type { LedDoubts } from './led.doubts.js';
import type { LedGate } from './led.gate.js';
import type { Found, LedInsertion, LedStart } from './led.insertion.js';
import { ROW_FORMAT, type StoredRow } from './log.port.js';
import { DriverReleasedError } from './saga.driver.js';
import { snapshotOfRow, type Snapshot } from './snapshot.js';

/** What an operator decides of a led transaction that the log cannot judge. */
export interface ResolveAct extends Actor {
  readonly to: 'commit' | 'abort';
  /**
   * The branches that a commit confirms, each by its name: this instance may not have been asked about all of them, and what is
   * left out is undone. Of no account to an abort, which undoes them all.
   */
  readonly branchIds: readonly string[];
}

/** A transaction as an operator has decided it. */
export interface ResolveAnswer extends Snapshot {
  /** Whether it had been resolved so before, and nothing was written. */
  readonly isRepeat: boolean;
}

export type AbortAct = OperatorAct & { readonly type: 'abort' };

interface ResolutionParts {
  readonly acts: Acts;
  readonly hearsay: Hearsay;
  readonly gate: LedGate;
  readonly doubts: LedDoubts;
  readonly insertion: LedInsertion;
}

/** Takes the decisions of people, where the log cannot judge: it may have lost what was decided, or is too young to know. */
export class LedResolution {
  constructor(
    private readonly ports: Pick<EnginePorts, 'clock' | 'logger'>,
    private readonly parts: ResolutionParts,
  ) {}

  /** Decides a led transaction as an operator says; see Engine.resolve. */
  async resolve(gid: string, act: ResolveAct): Promise<ResolveAnswer> {
    this.parts.gate.checkOwn(gid);
    const answer = await untilTaken(gid, async () => this.resolveOnce(gid, act));
    this.parts.hearsay.settle(gid);
    if (!answer.isRepeat) {
      const { to, by, reason } = act;
      this.ports.logger.info({ gid, to, by, reason }, 'transaction resolved by an operator');
    }
    return answer;
  }

  /** Aborts as an operator says; see Engine.act. What a former life of the log has left undone is undone with all that is in doubt. */
  async abort(gid: string, act: AbortAct): Promise<Snapshot> {
    const { acts, gate, hearsay, insertion } = this.parts;
    const { doubts = [] } = hearsay.get(gid) ?? {};
    const row = doubts.length === 0 ? undefined : await insertion.read(gid);
    if (row === undefined || row.format > ROW_FORMAT) {
      return acts.act(gid, act);
    }
    if (!isResolvable(snapshotOfRow(row).saga, gate.presentEpoch())) {
      return acts.act(gid, act);
    }
    const snapshot = await acts.act(gid, this.askedOf(gid, { ...act, to: 'abort', branchIds: [] }));
    hearsay.settle(gid);
    return snapshot;
  }

  private async resolveOnce(gid: string, act: ResolveAct): Promise<ResolveAnswer> {
    const row = await this.parts.insertion.read(gid);
    if (row !== undefined) {
      return this.resolveRow(row, act);
    }
    const start = this.started(this.resolvable(gid), act);
    const outcome = await this.insert(start);
    return 'row' in outcome ? this.foundInstead(outcome, act) : { ...outcome, isRepeat: false };
  }

  /** What a former life of the log has registered: the machine judges once more, and its write is compared and set. */
  private async resolveRow(row: StoredRow, act: ResolveAct): Promise<ResolveAnswer> {
    const { gid } = row;
    const { acts, gate, hearsay } = this.parts;
    if (row.format > ROW_FORMAT) {
      throw new ActRefusedError(
        `Transaction ${gid} was written by a later version: ask a coordinator of that.`,
      );
    }
    const found = snapshotOfRow(row);
    const { saga } = found;
    if (isResolvedAs(saga, { ...act, kept: act.branchIds })) {
      return { ...found, isRepeat: true };
    }
    checkUndecided(saga);
    if (!isResolvable(saga, gate.presentEpoch())) {
      throw new ActRefusedError(
        `Transaction ${gid} needs nobody to resolve it: its initiator decides it, or its deadline. An abort is possible.`,
      );
    }
    this.checkPast(gid, Math.max(saga.deadlineAt ?? 0, hearsay.deadlineOf(gid) ?? 0));
    const doubts = hearsay.get(gid)?.doubts ?? [];
    checkSecrets(gid, keptOf(doubts, act), saga.plan.led?.secretHash);
    return { ...(await acts.act(gid, this.askedOf(gid, act))), isRepeat: false };
  }

  private askedOf(gid: string, { to, by, reason, branchIds }: ResolveAct): OperatorAct & Resolution {
    const entry = this.parts.hearsay.get(gid);
    return { type: 'resolve', to, by, reason, kept: branchIds, ...branchesOf(entry) };
  }

  private async insert(start: LedStart): Promise<Snapshot | Found> {
    try {
      return await this.parts.insertion.insertOrFind(start, 'engine.decide');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'LOG_DAY_OUT_OF_RANGE') {
        throw new ActRefusedError(
          `Transaction ${start.saga.gid} is of a day that the log has no place for any more: nothing can be written of it. ` +
            'End its branches in the databases of their services.',
          { cause: error },
        );
      }
      throw error;
    }
  }

  /** The row is ours where only the answer to its insertion was lost. */
  private foundInstead({ row, isInDoubt }: Found, act: ResolveAct): ResolveAnswer {
    const snapshot = snapshotOfRow(row);
    if (isResolvedAs(snapshot.saga, { ...act, kept: act.branchIds })) {
      this.parts.insertion.adoptOrphan(row);
      return { ...snapshot, isRepeat: !isInDoubt };
    }
    checkUndecided(snapshot.saga);
    throw new DriverReleasedError(row.gid);
  }

  /**
   * Returns what is heard of a transaction that only a person can decide.
   *
   * @throws {ActRefusedError} for any other.
   * @throws {TransactionNotFoundError} when nothing is heard.
   */
  private resolvable(gid: string): HearsayEntry {
    const { hearsay, doubts } = this.parts;
    const entry = hearsay.get(gid);
    if (entry === undefined) {
      throw new TransactionNotFoundError(
        gid,
        `No participant has asked this coordinator about it either. ${ASK_OTHERS}`,
      );
    }
    const told = entry.doubts.length === 0 ? [entry.notice] : entry.doubts;
    const isDecidedByLog = told.some((terms) => doubts.referral(gid, terms) === undefined);
    this.checkPast(gid, hearsay.deadlineOf(gid), isDecidedByLog);
    if (isDecidedByLog) {
      throw new ActRefusedError(
        `Transaction ${gid} needs nobody to resolve it: the log decides it when a participant asks the next time.`,
      );
    }
    if (entry.doubts.length === 0) {
      throw new ActRefusedError(
        `No participant has asked this coordinator about transaction ${gid}, so that it knows of no branch to end. ${ASK_OTHERS}`,
      );
    }
    return entry;
  }

  private checkPast(gid: string, deadlineAt: number | undefined, isDecidedByLog = false): void {
    const now = this.ports.clock.now();
    if (deadlineAt !== undefined && deadlineAt > now) {
      throw new ActRefusedError(
        `The time of transaction ${gid} is not over: whoever leads it may still call. Its deadline is in ` +
          `${Math.ceil((deadlineAt - now) / 1_000)} s, at ${iso(deadlineAt)}. ${isDecidedByLog ? DECIDED_THEN : 'Resolve it then.'}`,
      );
    }
  }

  private started(entry: HearsayEntry, act: ResolveAct): LedStart {
    const { gid, notice, doubts } = entry;
    const { name, initiator, lane, tags = {} } = notice;
    const { to, by, reason, branchIds } = act;
    const acceptedAt = this.ports.clock.now();
    const { secretHash, epoch } = termsOf(gid, doubts, act);
    const deadlineAt = this.parts.hearsay.deadlineOf(gid) ?? entry.deadlineAt;
    const saga = resolvedLed(
      { gid, name, led: { secretHash, epoch }, acceptedAt, deadlineAt },
      { to, by, reason, kept: branchIds, ...branchesOf(entry) },
    );
    return {
      envelope: { gid, name, initiator, lane, tags },
      saga,
      deadlineInMs: deadlineAt - acceptedAt,
      epoch: this.parts.gate.presentEpoch(),
    };
  }
}

const ASK_OTHERS =
  'Each that is in doubt asks one of the coordinators again within 15 min: ask the others, or wait.';

const DECIDED_THEN =
  'Nobody need resolve it: its initiator decides it until then, and the first participant that asks afterwards has it aborted.';

/** @throws {AlreadyDecidedError} of what is decided, {@link ActRefusedError} of what goes by a plan. */
function checkUndecided({ gid, plan, state, resolved }: Saga): void {
  if (plan.led === undefined) {
    throw new ActRefusedError(`Transaction ${gid} goes by a plan: there is nothing to resolve.`);
  }
  if (state !== 'active') {
    throw new AlreadyDecidedError(gid, outcomeOf(state), resolved);
  }
}

/** Returns the secret that those who are confirmed know. To undo asks for none. */
function termsOf(
  gid: string,
  doubts: readonly BranchDoubt[],
  act: ResolveAct,
): Pick<BranchDoubt, 'secretHash' | 'epoch'> {
  const kept = keptOf(doubts, act);
  const [terms = doubts[0]] = kept;
  checkSecrets(gid, kept, terms?.secretHash);
  if (terms === undefined) {
    throw new ActRefusedError(`Nobody is in doubt about transaction ${gid}.`);
  }
  return terms;
}

/** Returns the doubts about branches that a commit confirms. @throws {ActRefusedError} where one may be either of two effects. */
function keptOf(doubts: readonly BranchDoubt[], { to, branchIds }: ResolveAct): readonly BranchDoubt[] {
  const kept = to === 'abort' ? [] : doubts.filter(({ branchId }) => branchIds.includes(branchId));
  const [ambiguity] = kept.flatMap((doubt) => ambiguityOf(doubt) ?? []);
  if (ambiguity !== undefined) {
    throw new ActRefusedError(
      `${ambiguity} Nobody can tell which of them is to be confirmed: leave the id out, or abort. End the others at their services.`,
    );
  }
  return kept;
}

/** @throws {ActRefusedError} when one of those to be confirmed tells of another secret: it would never believe the confirm. */
function checkSecrets(gid: string, kept: readonly BranchDoubt[], secretHash: string | undefined): void {
  const other = kept.find((doubt) => doubt.secretHash !== secretHash);
  if (other !== undefined) {
    throw new ActRefusedError(
      `The branches of transaction ${gid} tell of different secrets, so that they cannot all be of one initiator: '${other.branchId}' ` +
        'does not go with the others. Name those to commit, or abort.',
    );
  }
}

/** Returns the branches that can be reached, for somebody has asked about them, and others. */
function branchesOf(entry: HearsayEntry | undefined): Pick<Resolution, 'inDoubt' | 'heardOf'> {
  return { inDoubt: (entry?.doubts ?? []).map(asBranch), heardOf: entry?.calls.branches };
}

function asBranch({ branchId, service, action, kind, nonce }: BranchDoubt): LedBranch {
  return { branchId, service, action, kind, nonce };
}
