import { gidTimeMs, outcomeOf, type Branch, type BranchReply } from '@atone/core';
import type { StoredRow } from '@atone/engine';
import type { BranchCommand } from '@atone/protocol';
import type { MemoryCommit, MemoryRow } from '@atone/participant/testing';
import type { LedEffect } from '../world/led.handlers.js';
import { MEMORY_MS } from '../world/retention.js';
import { LedFactsBook, type Ledger } from './led.facts.js';
import { abortCodeOf, isOfFormerLife, listOf, planOf, skipIn, stepsOf } from './led.rows.js';
import { LedStory, type Told } from './led.story.js';
import { KEPT_BY_BARRIERS } from './lost.commits.js';
import { Violation, type PromiseId } from './violation.js';

/** Of the secret that forged questions tell. */
export const FORGED_HASH = 'cd'.repeat(32);

/** States in which a branch has taken effect for good; to an action of a service without the library nobody need confirm. */
const SETTLED: ReadonlySet<string> = new Set(['confirmed', 'settled']);

/** The clock of the databases. */
export interface CheckClock {
  now(): number;
  /** By how much it was set back so far. */
  readonly setBackMs: number;
}

/**
 * Holds led transactions to what is promised, at every commit: by the rows of the log and of the barriers, the effects,
 * and what the code that called saw.
 */
export class LedCheck {
  readonly story: LedStory;
  private readonly rows = new Map<string, StoredRow>();
  /** Those of which the log has dropped the row. */
  private readonly gone = new Set<string>();
  /** Those of which it has lost the row, whatever that said. */
  private readonly lost = new Set<string>();
  /** Those which it has as undecided though it may have decided them, or heard of further branches. People decide these. */
  private readonly undecided = new Set<string>();
  /** How often the log has failed over: its first life is 1, as that of every log. */
  private life = 1;
  private readonly facts = new LedFactsBook();

  constructor(
    private readonly nameOf: (gid: string) => string,
    private readonly report: (violation: Violation) => void,
    private readonly clock: CheckClock,
  ) {
    this.story = new LedStory(report);
  }

  /** A row of the log was written, for the first time or over `before`. */
  rowWritten(row: StoredRow, before: StoredRow | undefined): void {
    this.rows.set(row.gid, row);
    if (before !== undefined && outcomeOf(before.state) !== 'undecided' && listOf(before) !== listOf(row)) {
      this.broken('S3', row.gid, 'its list changed after the decision');
    }
    if (before === undefined && abortCodeOf(row) === 'presumed') {
      this.checkPresumption(row);
    }
    if (row.finishedAt !== undefined && this.isGenuine(row)) {
      this.checkAcknowledged(row);
    }
  }

  /** A participant's database has committed. */
  committed({ rows, entries }: Pick<MemoryCommit, 'rows' | 'entries'>): void {
    for (const entry of entries as unknown as readonly LedEffect[]) {
      this.effected(entry);
    }
    for (const row of rows) {
      this.branchWritten(row);
    }
  }

  /** A participant has answered a command. */
  answered({ gid, branchId }: BranchCommand, { outcome }: BranchReply): void {
    if (!this.story.has(gid)) {
      return;
    }
    const facts = this.facts.of(gid, branchId);
    facts.isToldUndone ||= outcome === 'undone';
    if (outcome === 'confirmed' && facts.state !== 'confirmed') {
      this.broken('TC2', gid, `${branchId} was said to be confirmed, and it is ${facts.state}`);
    }
  }

  /** Barrier rows were removed. */
  removed({ gid, branchId }: MemoryRow): void {
    const facts = this.facts.of(gid, branchId);
    if (facts.isInDoubt && facts.state !== 'refused') {
      this.broken('S7', gid, `the row of ${branchId} was removed, and nobody had ended the branch`);
    }
    facts.isInDoubt = false;
  }

  /** The log has dropped the row of a transaction. */
  dropped(gid: string): void {
    this.gone.add(gid);
  }

  /**
   * The log is in another life. Of what was inserted last it has lost the row: the initiator knows what it was told, and the log
   * nothing. Of others it has the row as it was.
   */
  failedOver(copies: ReadonlyMap<string, StoredRow>, inserted: ReadonlySet<string>): void {
    this.life += 1;
    for (const [gid, row] of this.rows) {
      const copy = copies.get(gid);
      this.rows.set(gid, copy ?? row);
      if (inserted.has(gid)) {
        this.gone.add(gid);
        this.lost.add(gid);
      } else if (copy !== undefined && outcomeOf(copy.state) === 'undecided') {
        this.undecided.add(gid);
      }
    }
  }

  /** Whether the log has dropped the row of a transaction: nobody drives it any more. */
  isGone(gid: string): boolean {
    return this.gone.has(gid);
  }

  /** Whether what the lost life had decided may contradict what was decided since: then it is stuck, for people to see. */
  mayContradict(gid: string): boolean {
    return this.undecided.has(gid);
  }

  /** The initiator was told how its transaction ended. */
  told(gid: string, told: Told): void {
    this.story.told(gid, told);
    const row = this.genuineRow(gid);
    const outcome = row === undefined ? 'nothing' : outcomeOf(row.state);
    // Of what keeps nothing there may be nothing to write.
    if (told === 'committed' && outcome !== 'committed' && this.story.keptEffects(gid).length > 0) {
      this.toldWrong(gid, told, outcome);
    }
    if ((told === 'aborted' || told === 'undecided') && outcome === 'committed') {
      this.toldWrong(gid, told, outcome);
    }
  }

  /** Returns branches that their participants are in doubt about, and that the log can tell something of. */
  inDoubt(): readonly string[] {
    return [...this.facts].flatMap(([gid, branches]) =>
      this.isContested(gid) || this.isForPeople(gid) || this.undecided.has(gid)
        ? []
        : [...branches]
            .filter(([branchId, { isInDoubt }]) => isInDoubt && this.skipOf(gid, branchId) === undefined)
            .map(([branchId]) => `${this.nameOf(gid)}/${branchId}`),
    );
  }

  /** Whether the log holds a row of the transaction that another than its initiator has brought about. */
  isContested(gid: string): boolean {
    const row = this.rows.get(gid);
    return row !== undefined && !this.isGenuine(row);
  }

  /** Everything is quiet: all that was kept is confirmed, and everything else is undone. */
  checkEnd(gid: string): void {
    if (this.isContested(gid) || this.undecided.has(gid)) {
      return;
    }
    const row = this.rows.get(gid);
    const isCommitted = row !== undefined && outcomeOf(row.state) === 'committed';
    for (const [branchId, { effectCount }] of this.facts.branchesOf(gid)) {
      if (effectCount > 0 && this.skipOf(gid, branchId) === undefined) {
        this.checkEndOf(gid, branchId, isCommitted);
      }
    }
    if (isCommitted) {
      this.checkNothingLost(gid);
    }
    this.checkTold(gid, isCommitted);
  }

  /** Returns what is left of a transaction in the databases of all who took part, and who should be there. */
  ledgerOf(gid: string): Ledger {
    const row = this.rows.get(gid);
    return {
      name: this.nameOf(gid),
      outcome: row === undefined ? 'undecided' : outcomeOf(row.state),
      told: this.story.toldOf(gid),
      kept: this.story.keptEffects(gid),
      entries: [...this.facts.branchesOf(gid).values()].filter(({ effectCount }) => effectCount > 0),
    };
  }

  /** Returns the row if it is what the initiator, or somebody in doubt, has brought about. */
  genuineRow(gid: string): StoredRow | undefined {
    const row = this.rows.get(gid);
    return row !== undefined && this.isGenuine(row) ? row : undefined;
  }

  /** Of what the log has forgotten, or never knew while it was young enough, only people can tell how it was decided. */
  private isForPeople(gid: string): boolean {
    const row = this.rows.get(gid);
    if (this.beganEarlier(gid, row) && (row === undefined || this.lost.has(gid) || isOfFormerLife(row))) {
      // A coordinator that has not heard of the new life yet only has those wait who began in it: another one can answer them. These
      // are never answered, and ask again every ten minutes until a person has decided.
      return true;
    }
    const isUnknown = row === undefined || this.gone.has(gid);
    return isUnknown && this.clock.now() - gidTimeMs(gid) > MEMORY_MS;
  }

  /** Whether it began in a life of the log that is over, by what its calls have told, or its row. */
  private beganEarlier(gid: string, row: StoredRow | undefined): boolean {
    const told = Array.from(this.facts.branchesOf(gid).values(), ({ epoch }) => epoch);
    const registered = row === undefined ? undefined : planOf(row).led?.epoch;
    return [...told, registered].some((epoch) => epoch !== undefined && epoch < this.life);
  }

  private checkNothingLost(gid: string): void {
    const effects = new Set(Array.from(this.facts.branchesOf(gid).values(), ({ effect }) => effect));
    const lost = this.story.keptEffects(gid).find((effect) => !effects.has(effect));
    if (lost !== undefined) {
      this.broken('TC1', gid, `it committed, and ${lost}, which returned, has no effect`);
    }
  }

  private checkTold(gid: string, isCommitted: boolean): void {
    const tells = this.story.toldOf(gid).filter((told) => told !== 'unknown');
    // Where nothing is kept, to commit and to abort are the same.
    const isVain = !isCommitted && this.story.keptEffects(gid).length === 0;
    const wrong = tells.find((told) => (told === 'committed') !== isCommitted);
    if (wrong !== undefined && !isVain) {
      this.toldWrong(gid, wrong, this.genuineOutcome(gid));
    }
  }

  /** Who loses against an abort must learn of it; anything else was told before it was in the log, or against it. */
  private toldWrong(gid: string, told: Told, outcome: string): void {
    const promise = told === 'committed' && outcome === 'aborted' ? 'TC5' : 'S8';
    this.broken(promise, gid, `its initiator was told "${told}" while the log said ${outcome}`);
  }

  private checkEndOf(gid: string, branchId: string, isCommitted: boolean): void {
    const { effect, state, confirmCount, undoCount } = this.facts.of(gid, branchId);
    const isKept = isCommitted && effect !== undefined && this.story.isKept(gid, effect);
    const found = `it is ${state}, ${confirmCount} times confirmed and ${undoCount} times undone`;
    if (this.isLeftToPeople(gid, branchId, isKept)) {
      return;
    }
    if (isKept && (!SETTLED.has(state) || undoCount > 0)) {
      this.broken('TC1', gid, `it committed, ${branchId} (${effect}) returned, and ${found}`);
    }
    if (!isKept && (state !== 'undone' || undoCount !== 1)) {
      const promise = this.rows.has(gid) ? 'TC1' : 'TC4';
      this.broken(promise, gid, `nobody keeps ${branchId} (${effect}), and ${found}`);
    }
  }

  /** Nobody has ended it, and nobody but people may. What is committed and was not lost has to be confirmed all the same. */
  private isLeftToPeople(gid: string, branchId: string, isKept: boolean): boolean {
    const { confirmCount, undoCount } = this.facts.of(gid, branchId);
    return this.isForPeople(gid) && confirmCount + undoCount === 0 && (!isKept || this.lost.has(gid));
  }

  private effected({ gid, branchId, op, effect }: LedEffect): void {
    const facts = this.facts.of(gid, branchId);
    if (op === 'action') {
      facts.effectCount += 1;
      facts.effect = effect;
      if (facts.effectCount > 1) {
        this.broken('S4', gid, `the action of ${branchId} took effect twice`);
      }
      if (facts.state === 'undone' || facts.isToldUndone) {
        this.broken('S5', gid, `the action of ${branchId} took effect after its undo`);
      }
    } else {
      this.ended(gid, branchId, op);
    }
  }

  private ended(gid: string, branchId: string, op: 'confirm' | 'compensate'): void {
    const facts = this.facts.of(gid, branchId);
    const [count, what] =
      op === 'confirm' ? (['confirmCount', 'confirmed'] as const) : (['undoCount', 'undone'] as const);
    facts[count] += 1;
    if (facts[count] > 1) {
      this.broken('S4', gid, `${branchId} was ${what} twice`);
    }
    if (facts.effectCount !== 1) {
      this.broken('S7', gid, `${branchId} was ${what} though it had no effect`);
    }
  }

  private branchWritten({ gid, branchId, columns }: MemoryRow): void {
    const facts = this.facts.of(gid, branchId);
    const before = facts.state;
    facts.state = String(columns['state']);
    facts.epoch ??= Number(columns['epoch'] ?? this.life);
    facts.isInDoubt = (columns['doubt_at'] ?? null) !== null;
    facts.deadlineAt ??= facts.isInDoubt ? Number(columns['doubt_at']) : undefined;
    if (facts.state === before) {
      return;
    }
    if (before === 'confirmed' || (before === 'undone' && facts.state === 'confirmed')) {
      this.broken('S1', gid, `${branchId} was ${before}, and is ${facts.state} now`);
    }
    if (facts.state === 'confirmed') {
      this.checkConfirm(gid, branchId);
    } else if (facts.state === 'undone') {
      this.checkUndo(gid, branchId);
    }
  }

  private checkConfirm(gid: string, branchId: string): void {
    const { effect = '', effectCount } = this.facts.of(gid, branchId);
    const outcome = this.genuineOutcome(gid);
    if (outcome !== 'committed') {
      this.broken('S1', gid, `${branchId} was confirmed while the log said ${outcome}`);
    } else if (effectCount === 0 || !this.story.isKept(gid, effect)) {
      this.broken('TC2', gid, `${branchId} was confirmed, and its call or one above it did not return`);
    }
  }

  private checkUndo(gid: string, branchId: string): void {
    const { effect = '', effectCount } = this.facts.of(gid, branchId);
    if (this.isContested(gid)) {
      // The initiator can never commit it any more.
      return;
    }
    const outcome = this.genuineOutcome(gid);
    if (outcome === 'nothing' || outcome === 'undecided') {
      this.broken('S1', gid, `${branchId} was undone while the log said ${outcome}`);
    } else if (outcome === 'committed' && effectCount > 0 && this.story.isKept(gid, effect)) {
      this.broken('S1', gid, `it committed, the call of ${branchId} had returned, and the branch was undone`);
    }
  }

  /** Only who is past his deadline may ask, and nothing else decides in place of the initiator. */
  private checkPresumption(row: StoredRow): void {
    const facts = [...this.facts.branchesOf(row.gid).values()];
    const latest = this.clock.now() + this.clock.setBackMs;
    const { secretHash = '' } = planOf(row).led ?? {};
    const isForged = secretHash === FORGED_HASH || this.story.isOfAnother(row.gid, secretHash);
    const isDue = facts.some(({ deadlineAt = Number.POSITIVE_INFINITY }) => deadlineAt <= latest);
    if (!isDue && !isForged) {
      this.broken('TC4', row.gid, 'its abort was presumed, and no branch of it was past its deadline');
    }
  }

  /** What has ended in the log is dropped some day: by then nobody may need it any more. */
  private checkAcknowledged(row: StoredRow): void {
    const branches = this.facts.branchesOf(row.gid);
    for (const { branchId, hasBarrier } of stepsOf(row)) {
      const isOpen = branches.get(branchId)?.state === 'done' && hasBarrier;
      if (isOpen && this.skipOf(row.gid, branchId) === undefined) {
        this.broken('TC1', row.gid, `it is ${row.state}, and ${branchId} is neither confirmed nor undone`);
      }
    }
  }

  private genuineOutcome(gid: string): 'nothing' | ReturnType<typeof outcomeOf> {
    const row = this.genuineRow(gid);
    return row === undefined ? 'nothing' : outcomeOf(row.state);
  }

  private isGenuine(row: StoredRow): boolean {
    const secretHash = this.story.secretOf(row.gid);
    // Nobody can commit any more what anybody in doubt has asked about.
    const isPresumed = abortCodeOf(row) === 'presumed';
    return secretHash === undefined || isPresumed || planOf(row).led?.secretHash === secretHash;
  }

  private skipOf(gid: string, branchId: string): Branch['skip'] {
    return skipIn(this.rows.get(gid), branchId);
  }

  private broken(promise: PromiseId, gid: string, what: string): void {
    if (this.undecided.has(gid) && !KEPT_BY_BARRIERS.has(promise)) {
      return;
    }
    this.report(new Violation(promise, this.nameOf(gid), what));
  }
}
