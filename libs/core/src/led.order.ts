/*
 * The ids of branches in a led transaction are paths, numbered where the calls are made: `2` is the initiator's second
 * call, `2~k7.1` the first call of run `k7` of it.
 */

/** Returns the ids of the calls above a branch, the nearest first: `2~k7.1` and `2` for `2~k7.1~m3.4`. */
export function callsAbove(branchId: string): string[] {
  const above: string[] = [];
  for (let end = branchId.lastIndexOf('~'); end > 0; end = branchId.lastIndexOf('~', end - 1)) {
    above.push(branchId.slice(0, end));
  }
  return above;
}

/**
 * Returns both rows of ids as one. The first keeps its order; what it does not hold stands before what was called
 * later, as far as the ids tell.
 */
export function merged(first: readonly string[], others: readonly string[]): string[] {
  const open = others.toSorted(byCall);
  const found: string[] = [];
  let next = 0;
  for (const branchId of first) {
    for (let other = open[next]; other !== undefined && byCall(other, branchId) < 0; other = open[next]) {
      found.push(other);
      next += 1;
    }
    found.push(branchId);
  }
  return [...found, ...open.slice(next)];
}

/** Orders ids by when their calls have come back: what was called below a branch is back before it. */
function byCall(left: string, right: string): number {
  const [lefts, rights] = [left.split('~'), right.split('~')];
  for (const [depth, step] of lefts.entries()) {
    const other = rights[depth];
    if (other === undefined) {
      return -1;
    }
    if (step !== other) {
      // Of two runs of one branch nobody can tell which was first.
      return numberOf(step) - numberOf(other) || 0;
    }
  }
  return rights.length - lefts.length;
}

function numberOf(step: string): number {
  return Number(step.slice(step.lastIndexOf('.') + 1));
}
