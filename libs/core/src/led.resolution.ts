import { ActRefusedError, AlreadyDecidedError } from './errors.js';
import { carryOut } from './led.act.js';
import type { Decision, LedBranch, Resolution } from './led.branch.js';
import { asBranch } from './led.list.js';
import { merged } from './led.order.js';
import { decidedLed, type LedStart } from './led.plan.js';
import type { Draft } from './saga.draft.js';
import { outcomeOf, type Actor, type HistoryEntry, type Saga } from './saga.state.js';

/*
 * What a person decides of a led transaction when its log cannot judge it any more: the log was restored, say, and may have
 * lost what had been decided. From then on it is a decision like any other.
 */

/**
 * Returns a led transaction of which the log holds nothing, as a person has decided it.
 *
 * @throws {ActRefusedError} for a branch that nobody knows.
 * @throws {BranchConflictError} when what is kept lies below what is not.
 */
export function resolvedLed(start: LedStart, act: Actor & Resolution): Saga {
  const { gid, led, acceptedAt } = start;
  const saga = decidedLed(start, decisionOf({ gid, secretHash: led.secretHash, known: [] }, act));
  const { by, reason } = act;
  const entry = { at: acceptedAt, what: 'operator-resolve', by, message: reason };
  const others = othersOf(saga, act).map((other) => ({ at: acceptedAt, ...other }));
  return { ...saga, history: [entry, ...saga.history, ...others], resolved: { by, reason } };
}

/** Tells whether only a person can decide a transaction: it is undecided, and began in another life of the log than `epoch`. */
export function isResolvable({ state, plan: { led } }: Saga, epoch: number | undefined): boolean {
  return state === 'active' && led !== undefined && epoch !== undefined && led.epoch !== epoch;
}

/**
 * Decides as a person says.
 *
 * @throws {ActRefusedError} when the log can judge the transaction, and for a branch that nobody knows.
 * @throws {AlreadyDecidedError} after the decision.
 * @throws {BranchConflictError} when what is kept lies below what is not.
 */
export function resolve(draft: Draft, act: Actor & Resolution): void {
  const { saga } = draft;
  const { gid, plan, state } = saga;
  if (plan.led !== undefined && state !== 'active') {
    throw new AlreadyDecidedError(gid, outcomeOf(state), saga.resolved);
  }
  if (plan.led === undefined || !isResolvable(saga, draft.moment.epoch)) {
    throw new ActRefusedError(`Transaction ${gid} is decided without people: there is nothing to resolve.`);
  }
  const { secretHash } = plan.led;
  carryOut(draft, decisionOf({ gid, secretHash, known: plan.steps.map(asBranch) }, act));
  draft.change({ resolved: { by: act.by, reason: act.reason } });
  for (const other of othersOf(draft.saga, act)) {
    draft.note(other);
  }
}

/** Tells whether a person has decided a transaction in the very way that is asked for: by a commit with the same branches, or an abort. */
export function isResolvedAs(
  { state, plan, resolved }: Saga,
  { to, kept }: Pick<Resolution, 'to' | 'kept'>,
): boolean {
  const outcome = outcomeOf(state);
  if (resolved === undefined || outcome === 'undecided') {
    return false;
  }
  if (to === 'abort' || outcome === 'aborted') {
    return to === 'abort' && outcome === 'aborted';
  }
  return plan.steps.every(({ branchId, led }) => (led?.goal === 'follow') === kept.includes(branchId));
}

type Note = Pick<HistoryEntry, 'what' | 'branchId' | 'message'>;

function othersOf({ plan: { steps } }: Saga, { heardOf = [] }: Resolution): readonly Note[] {
  const reached = new Set(steps.map(({ branchId }) => branchId));
  return heardOf
    .filter(({ branchId }) => !reached.has(branchId))
    .slice(0, NAMED_COUNT_MAX)
    .map(({ branchId, service, action }) => ({
      what: 'not-reached',
      branchId,
      message: `Its initiator has told of ${service}.${action}. Unless it has ended, it is undone when its participant asks.`,
    }));
}

/** How many branches a message names. */
const NAMED_COUNT_MAX = 20;

interface Subject {
  readonly gid: string;
  readonly secretHash: string;
  /** The branches that the log holds. */
  readonly known: readonly LedBranch[];
}

/** In the order of the calls, as far as the ids tell it: an abort undoes them backwards. */
function decisionOf({ gid, secretHash, known }: Subject, act: Actor & Resolution): Decision {
  const { to, inDoubt, by, reason } = act;
  const knownIds = new Set(known.map(({ branchId }) => branchId));
  const others = inDoubt.filter(({ branchId }) => !knownIds.has(branchId));
  const byId = new Map([...known, ...others].map((branch) => [branch.branchId, branch]));
  const ids = merged(
    [...knownIds],
    others.map(({ branchId }) => branchId),
  );
  const kept = new Set(to === 'abort' ? ids : act.kept);
  const stranger = [...kept].find((branchId) => !byId.has(branchId));
  if (stranger !== undefined) {
    throw new ActRefusedError(
      `Nobody has asked this coordinator about a branch '${stranger}' of transaction ${gid}. It knows ${namesOf(ids)}. ` +
        'One that is confirmed or undone never asks: leave it out.',
    );
  }
  const branchesOf = (chosen: readonly string[]): LedBranch[] =>
    chosen.flatMap((branchId) => byId.get(branchId) ?? []);
  return {
    to,
    secretHash,
    branches: branchesOf(ids.filter((branchId) => kept.has(branchId))),
    registered: [],
    thrown: branchesOf(ids.filter((branchId) => !kept.has(branchId))),
    message: reason,
    by,
  };
}

function namesOf(ids: readonly string[]): string {
  const names = ids.slice(0, NAMED_COUNT_MAX).map((id) => `'${id}'`);
  const more = ids.length > names.length ? ', …' : '';
  return `${ids.length} ${ids.length === 1 ? 'branch' : 'branches'}: ${names.join(', ')}${more}`;
}
