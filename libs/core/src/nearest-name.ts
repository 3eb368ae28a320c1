/** Returns the candidate with the fewest edits from `name` (Levenshtein 1966), or undefined when there is none. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (nearest === undefined || distance < nearest.distance) {
      nearest = { candidate, distance };
    }
  }
  return nearest?.candidate;
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
