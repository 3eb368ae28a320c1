import {
  branchReaching,
  isAbortOfDoubt,
  isEnded,
  isToConfirm,
  outcomeOf,
  presumedAborted,
  type Branch,
  type Saga,
} from '@atone/core';
import type { Doubt, Verdict } from '@atone/protocol';
import type { Referral } from './branch.doubt.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import { LogDoubtError, LogRestoredError, NotMyTransactionError, type EngineError } from './errors.js';
import { reached } from './failpoints.js';
import { UNNAMED, type Hearsay } from './hearsay.js';
import type { LedGate } from './led.gate.js';
import { ledRow, type LedStart } from './led.insertion.js';
import { ROW_FORMAT, type InsertOutcome, type StoredRow } from './log.port.js';
import type { LogWriter } from './log-writer.js';
import { endingOf } from './observer.port.js';
import { decodeSaga, UnreadableRowError } from './saga.codec.js';
import { isHopeless } from './write-each.js';

interface DoubtParts {
  readonly options: EngineOptions;
  readonly writer: LogWriter;
  readonly hearsay: Hearsay;
  readonly gate: LedGate;
}

/** What the log says of a gid; `unreadable` when only another version can tell. */
type Finding = Saga | 'unreadable';

type Judgement = Omit<Verdict, 'gid' | 'branchId'> & Pick<Referral, 'stuck' | 'isUntilDecided'>;

/** What is due now, or being written now, is known a little later. */
const SOON_MS = 1_000;

/** What a coordinator brings is there long before, unless it is in trouble. */
const DRIVEN_WAIT_MS = 5_000;

/** For how long past its deadline a branch waits for a coordinator that is behind; then people must look. */
const BEHIND_MAX_MS = 600_000;

const UNREADABLE_WAIT_MS = 60_000;

/** Tells participants what was decided for the branches that they are in doubt about. */
export class LedDoubts {
  constructor(
    private readonly ports: EnginePorts,
    private readonly parts: DoubtParts,
  ) {}

  /** Returns one verdict for each doubt; see Engine.doubts. */
  async judge(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    this.parts.gate.presentEpoch();
    for (const doubt of doubts) {
      this.parts.hearsay.doubt(doubt);
    }
    const known = await this.findings(doubts.map(({ gid }) => gid));
    const unknown = doubts.filter(({ gid }) => !known.has(gid));
    const hindered = new Map(unknown.map((doubt) => [doubt, this.hindrance(doubt)]));
    const presumable = unknown.filter((doubt) => hindered.get(doubt) === undefined);
    // Several branches of one transaction may ask at once.
    const presumed = await this.presume([...new Map(presumable.map((doubt) => [doubt.gid, doubt])).values()]);
    return doubts.map((doubt) => {
      const { gid, branchId } = doubt;
      const finding = presumed.get(gid) ?? known.get(gid);
      const judgement = finding === undefined ? hindered.get(doubt) : this.judgementOf(doubt, finding);
      const { stuck, isUntilDecided, ...verdict } =
        judgement ?? wait(SOON_MS, 'What was decided is being written.');
      const isForPeople = verdict.verdict === 'ask-people';
      const referral = { stuck, isUntilDecided, message: verdict.reason ?? '' };
      this.refer(doubt, isForPeople ? referral : undefined);
      return { gid, branchId, ...verdict };
    });
  }

  /** Returns why a question about a gid without a row, whose deadline has passed, is left to people; undefined if it is not. */
  referral(gid: string, { epoch, secretHash }: Pick<Doubt, 'epoch' | 'secretHash'>): Referral | undefined {
    const foreign = this.foreign(gid, epoch);
    if (foreign !== undefined) {
      return foreign;
    }
    const { notice } = this.parts.hearsay.heardOf(gid) ?? {};
    if (notice !== undefined && notice.secretHash !== secretHash) {
      return OTHER_SECRET;
    }
    // One of them is wrong, and if it is this one, the decision may have been lost.
    return this.parts.hearsay.isOfOtherLife({ gid, epoch }) ? OTHER_LIFE : undefined;
  }

  private refer(doubt: Doubt, referral: Referral | undefined): void {
    const { gid, branchId, service } = doubt;
    if (this.parts.hearsay.refer(doubt, referral)) {
      this.ports.logger.warn({ gid, reason: referral?.stuck, branchId, service }, 'transaction stuck');
    }
  }

  /** Decides abort where nobody has decided, and returns what the log holds after that. */
  private async presume(doubts: readonly Doubt[]): Promise<ReadonlyMap<string, Finding>> {
    if (doubts.length === 0) {
      return new Map();
    }
    const starts = doubts.map((doubt) => this.presumed(doubt));
    const outcomes = await this.insert(starts);
    const isInserted = (position: number): boolean => outcomes[position]?.outcome === 'inserted';
    const inserted = starts.filter((_, position) => isInserted(position));
    for (const { saga, envelope } of inserted) {
      this.parts.hearsay.settle(saga.gid);
      this.ports.observer?.accepted('led');
      this.ports.observer?.ended(endingOf(saga));
      this.ports.logger.info(
        { gid: saga.gid, initiator: envelope.initiator },
        'transaction presumed aborted',
      );
    }
    const others = starts.filter((_, position) => outcomes[position]?.outcome === 'exists');
    const found = await this.findings(others.map(({ saga }) => saga.gid));
    return new Map([...inserted.map(({ saga }) => [saga.gid, saga] as const), ...found]);
  }

  /** A row that the log will never take holds up no other. */
  private async insert(starts: readonly LedStart[]): Promise<readonly (InsertOutcome | undefined)[]> {
    const { writer, options } = this.parts;
    await reached('engine.doubt.beforeWrite');
    const outcomes = await answered(
      Promise.all(
        starts.map(async (start) => {
          try {
            return await writer.insertIfAbsent(ledRow(options.instanceId, start));
          } catch (error) {
            if (!isHopeless(error)) {
              throw error;
            }
            this.ports.logger.error({ gid: start.saga.gid, error }, 'presumed abort not written');
            return undefined;
          }
        }),
      ),
    );
    await reached('engine.doubt.afterWrite');
    return outcomes;
  }

  private presumed({ gid, service, secretHash, epoch, initiator }: Doubt): LedStart {
    const heard = this.parts.hearsay.heardOf(gid);
    const { name = UNNAMED, lane, tags = {} } = heard?.notice ?? {};
    const acceptedAt = this.ports.clock.now();
    const deadlineAt = this.parts.hearsay.deadlineOf(gid);
    return {
      envelope: { gid, name, initiator, lane, tags },
      saga: presumedAborted({ gid, name, led: { secretHash, epoch }, acceptedAt, deadlineAt }),
      services: [service],
      deadlineInMs: deadlineAt === undefined ? undefined : Math.max(0, deadlineAt - acceptedAt),
    };
  }

  private async findings(gids: readonly string[]): Promise<ReadonlyMap<string, Finding>> {
    const own = [...new Set(gids)].filter((gid) => this.parts.gate.isOwn(gid));
    const rows = own.length === 0 ? [] : await answered(this.ports.log.rows(own));
    return new Map(
      rows.map((row) => {
        const { hearsay } = this.parts;
        if (row.state === 'active') {
          hearsay.register(row.gid);
        } else {
          hearsay.settle(row.gid);
        }
        return [row.gid, findingOf(row)];
      }),
    );
  }

  private judgementOf(doubt: Doubt, finding: Finding): Judgement {
    if (finding === 'unreadable') {
      return wait(UNREADABLE_WAIT_MS, 'Its row can only be read by another version of the coordinator.');
    }
    if (finding.plan.led?.secretHash !== doubt.secretHash && !isAbortOfDoubt(finding)) {
      const reason = 'The secret of the transaction in the log is another one.';
      this.warnOf(doubt, reason);
      return askPeople(reason);
    }
    const hindrance = this.parts.gate.undecidable(finding);
    return hindrance === undefined
      ? this.decided(doubt, finding)
      : { ...askPeople(hindrance.message), isUntilDecided: true };
  }

  private decided(doubt: Doubt, finding: Saga): Judgement {
    const branch = branchReaching(finding, doubt.branchId, doubt.nonce);
    switch (outcomeOf(finding.state)) {
      case 'undecided':
        return this.waitForDeadline(finding.deadlineAt);
      case 'committed':
      case 'aborted':
        return (branch && othersEndOf(finding, branch)) ?? ownEndOf(finding, doubt, branch === undefined);
    }
  }

  /** Returns why a question about a gid without a row may not decide it. */
  private hindrance(doubt: Doubt): Judgement | undefined {
    const { gid, epoch, overdueMs } = doubt;
    if (overdueMs < BEHIND_MAX_MS && this.parts.gate.isAhead(gid, epoch)) {
      return wait(
        DRIVEN_WAIT_MS,
        'This coordinator is behind: its clock, or the life of the log that it knows.',
      );
    }
    const foreign = this.foreign(gid, epoch);
    if (foreign !== undefined) {
      return referred(foreign);
    }
    // By the clock of the log: that of the participant's database may have jumped.
    const deadlineAt = this.parts.hearsay.deadlineOf(gid);
    if (deadlineAt !== undefined && deadlineAt > this.ports.clock.now()) {
      return this.waitForDeadline(deadlineAt);
    }
    const referral = this.referral(gid, doubt);
    if (referral !== undefined) {
      this.warnOf(doubt, referral.message);
    }
    return referral && referred(referral);
  }

  private foreign(gid: string, epoch: number): Referral | undefined {
    const { gate } = this.parts;
    const hindrance = gate.hindrance(gid) ?? gate.epochHindrance(gid, epoch);
    return hindrance && { stuck: stuckBy(hindrance), message: hindrance.message };
  }

  private waitForDeadline(deadlineAt: number | undefined): Judgement {
    const waitMs = (deadlineAt ?? 0) - this.ports.clock.now();
    return wait(Math.max(SOON_MS, waitMs), 'Its initiator may still decide.');
  }

  private warnOf({ gid, branchId, service }: Doubt, reason: string): void {
    this.ports.logger.warn({ gid, branchId, service, reason }, 'doubt contradicts what is known');
  }
}

function findingOf(row: StoredRow): Finding {
  try {
    return row.format > ROW_FORMAT ? 'unreadable' : decodeSaga(row);
  } catch (error) {
    if (error instanceof UnreadableRowError) {
      return 'unreadable';
    }
    throw error;
  }
}

/** Returns what to say of a branch that is ended by a coordinator, or was by an operator; undefined if it is not. */
function othersEndOf(finding: Saga, { skip }: Branch): Judgement | undefined {
  if (skip !== undefined) {
    return askPeople(`It was skipped by ${skip.by}: ${skip.reason}`);
  }
  // In its turn, and not while the transaction is paused.
  return isEnded(finding) ? undefined : wait(DRIVEN_WAIT_MS, 'The coordinator brings it what was decided.');
}

/** Returns how a participant ends a branch that nobody else ends. */
function ownEndOf(finding: Saga, doubt: Doubt, isStraggler: boolean): Judgement {
  return isToConfirm(finding, doubt.branchId, doubt.nonce)
    ? { verdict: 'confirm' }
    : {
        verdict: 'undo',
        reason: finding.abort?.message ?? 'It is committed without this branch.',
        ...(isStraggler ? { isStraggler } : {}),
      };
}

const OTHER_SECRET: Referral = {
  stuck: 'undecidable',
  message: 'Its initiator has told of another secret.',
};

const OTHER_LIFE: Referral = {
  stuck: 'undecidable',
  message: 'Its initiator, or another participant, has told of another life of the log.',
};

/** What another log decides is stuck nowhere here. */
function stuckBy(hindrance: EngineError): Referral['stuck'] {
  if (hindrance instanceof NotMyTransactionError) {
    return undefined;
  }
  return hindrance instanceof LogRestoredError ? 'log-restored' : 'undecidable';
}

function referred({ stuck, message }: Referral): Judgement {
  return { ...askPeople(message), stuck };
}

function askPeople(reason: string): Judgement {
  return { verdict: 'ask-people', reason };
}

function wait(waitMs: number, reason: string): Judgement {
  return { verdict: 'wait', waitMs, reason };
}

/** Returns what the log answered. @throws {LogDoubtError} when it did not. */
async function answered<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    throw new LogDoubtError('The log did not tell what was decided. Nobody learns anything; ask again.', {
      cause: error,
    });
  }
}
