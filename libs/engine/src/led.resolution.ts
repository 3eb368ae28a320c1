import {
  ActRefusedError,
  AlreadyDecidedError,
  gidTimeMs,
  isResolvable,
  outcomeOf,
  resolvedLed,
  type Actor,
  type LedBranch,
  type Saga,
} from '@atone/core';
import { untilTaken, type Acts } from './acts.js';
import type { EnginePorts } from './engine.ports.js';
import type { BranchDoubt, Hearsay, HearsayEntry } from './hearsay.js';
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
  async resolve(gid: string, act: ResolveAct): Promise<Snapshot> {
    this.parts.gate.checkOwn(gid);
    const snapshot = await untilTaken(gid, async () => this.resolveOnce(gid, act));
    this.parts.hearsay.settle(gid);
    const { to, by, reason } = act;
    this.ports.logger.info({ gid, to, by, reason }, 'transaction resolved by an operator');
    return snapshot;
  }

  private async resolveOnce(gid: string, act: ResolveAct): Promise<Snapshot> {
    const row = await this.parts.insertion.read(gid);
    if (row !== undefined) {
      return this.resolveRow(row, act);
    }
    const start = this.started(this.resolvable(gid), act);
    const outcome = await this.insert(start);
    return 'row' in outcome ? this.foundInstead(outcome, act) : outcome;
  }

  /** What a former life of the log has registered: the machine judges once more, and its write is compared and set. */
  private async resolveRow(row: StoredRow, act: ResolveAct): Promise<Snapshot> {
    const { gid } = row;
    const { to, by, reason, branchIds } = act;
    const { acts, gate, hearsay } = this.parts;
    if (row.format > ROW_FORMAT) {
      throw new ActRefusedError(
        `Transaction ${gid} was written by a later version: ask a coordinator of that.`,
      );
    }
    const { saga } = snapshotOfRow(row);
    checkUndecided(saga);
    if (!isResolvable(saga, gate.presentEpoch())) {
      throw new ActRefusedError(
        `Transaction ${gid} needs nobody to resolve it: its initiator decides it, or its deadline. An abort is possible.`,
      );
    }
    this.checkPast(gid, Math.max(saga.deadlineAt ?? 0, hearsay.deadlineOf(gid) ?? 0));
    const doubts = hearsay.get(gid)?.doubts ?? [];
    checkSecrets(gid, keptOf(doubts, act), saga.plan.led?.secretHash);
    return acts.act(gid, { type: 'resolve', to, by, reason, inDoubt: doubts.map(asBranch), kept: branchIds });
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
  private foundInstead({ row, isInDoubt }: Found, { by, reason }: ResolveAct): Snapshot {
    const snapshot = snapshotOfRow(row);
    const { resolved } = snapshot.saga;
    if (isInDoubt && resolved?.by === by && resolved.reason === reason) {
      this.parts.insertion.adoptOrphan(row);
      return snapshot;
    }
    checkUndecided(snapshot.saga);
    throw new DriverReleasedError(row.gid);
  }

  /** Returns what is heard of a transaction that only a person can decide. @throws {ActRefusedError} for any other. */
  private resolvable(gid: string): HearsayEntry {
    const { hearsay, doubts } = this.parts;
    const entry = hearsay.get(gid);
    if (entry === undefined || entry.doubts.length === 0) {
      throw new ActRefusedError(
        `No participant has asked this coordinator about transaction ${gid}, so that it knows of no branch to end. Each that is in ` +
          'doubt asks one of the coordinators again within 15 min: ask the others, or wait.',
      );
    }
    this.checkPast(gid, hearsay.deadlineOf(gid) ?? gidTimeMs(gid));
    if (entry.doubts.some((doubt) => doubts.referral(gid, doubt) === undefined)) {
      throw new ActRefusedError(
        `Transaction ${gid} needs nobody to resolve it: the log decides it when a participant asks the next time.`,
      );
    }
    return entry;
  }

  private checkPast(gid: string, deadlineAt: number | undefined): void {
    if (deadlineAt !== undefined && deadlineAt > this.ports.clock.now()) {
      throw new ActRefusedError(
        `The time of transaction ${gid} is not over: whoever leads it may still call. Its deadline is in ` +
          `${Math.ceil((deadlineAt - this.ports.clock.now()) / 1_000)} s.`,
      );
    }
  }

  private started({ gid, notice, doubts }: HearsayEntry, act: ResolveAct): LedStart {
    const { name, initiator, lane, tags = {} } = notice;
    const { to, by, reason, branchIds } = act;
    const acceptedAt = this.ports.clock.now();
    const { secretHash, epoch } = termsOf(gid, doubts, act);
    const saga = resolvedLed(
      { gid, name, led: { secretHash, epoch }, acceptedAt },
      { to, by, reason, inDoubt: doubts.map(asBranch), kept: branchIds },
    );
    return {
      envelope: { gid, name, initiator, lane, tags },
      saga,
      epoch: this.parts.gate.presentEpoch(),
    };
  }
}

/** @throws {AlreadyDecidedError} of what is decided, {@link ActRefusedError} of what goes by a plan. */
function checkUndecided({ gid, plan, state }: Saga): void {
  if (plan.led === undefined) {
    throw new ActRefusedError(`Transaction ${gid} goes by a plan: there is nothing to resolve.`);
  }
  if (state !== 'active') {
    throw new AlreadyDecidedError(gid, outcomeOf(state));
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

/** Returns the doubts about branches that a commit confirms. */
function keptOf(doubts: readonly BranchDoubt[], { to, branchIds }: ResolveAct): readonly BranchDoubt[] {
  return to === 'abort' ? [] : doubts.filter(({ branchId }) => branchIds.includes(branchId));
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

function asBranch({ branchId, service, action, kind, nonce }: BranchDoubt): LedBranch {
  return { branchId, service, action, kind, nonce };
}
