import { stepOf, type Branch, type Saga } from './saga.state.js';

/** The branches on the list of a commit: those that are confirmed, and the others. */
export interface Halves {
  readonly confirmed: readonly Branch[];
  readonly notConfirmed: readonly Branch[];
}

/** How many branches a message names. */
const NAMED_COUNT_MAX = 5;

/** Returns both halves of what a committed transaction is to confirm. What is undone in either case is in neither. */
export function halvesOf(saga: Saga): Halves {
  const listed = saga.branches.filter(({ branchId }) => stepOf(saga, branchId).led?.goal === 'follow');
  return {
    confirmed: listed.filter(({ state }) => state === 'confirmed'),
    notConfirmed: listed.filter(({ state }) => state !== 'confirmed'),
  };
}

/** Tells both halves in a sentence that stays short, however many there are. */
export function halvesSentence(saga: Saga): string {
  const { confirmed, notConfirmed } = halvesOf(saga);
  return `Confirmed by then: ${namesOf(confirmed)}; not yet: ${namesOf(notConfirmed)}.`;
}

function namesOf(branches: readonly Branch[]): string {
  const names = branches.slice(0, NAMED_COUNT_MAX).map(({ branchId }) => branchId);
  const moreCount = branches.length - names.length;
  return names.length === 0
    ? 'none'
    : `${names.join(', ')}${moreCount === 0 ? '' : ` and ${moreCount} more`}`;
}
