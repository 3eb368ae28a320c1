/** So many edits, or a third of the letters if that is more, may be a slip of the fingers. */
const SLIP_MAX = 2;

/** Returns the candidate with the fewest edits from `name` (Levenshtein 1966), or undefined when there is none. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  return nearest(name, candidates)?.candidate;
}

/** Returns the candidate that somebody who wrote `name` may have meant, or undefined when none is that near. */
export function similarName(name: string, candidates: readonly string[]): string | undefined {
  const found = nearest(name, candidates);
  // With every letter changed, a short name would be similar to any other.
  const distanceMax = Math.min(Math.max(SLIP_MAX, name.length / 3), name.length - 1);
  return found !== undefined && found.distance <= distanceMax ? found.candidate : undefined;
}

function nearest(
  name: string,
  candidates: readonly string[],
): { candidate: string; distance: number } | undefined {
  let found: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (found === undefined || distance < found.distance) {
      found = { candidate, distance };
    }
  }
  return found;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [position, letter] of Array.from(left).entries()) {
    const next = [position + 1];
    for (let column = 1; column <= right.length; column += 1) {
      const change = (row[column - 1] ?? 0) + (right[column - 1] === letter ? 0 : 1);
      next.push(Math.min(change, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
