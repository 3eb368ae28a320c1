/** So many lines from the beginning and from the end are shown: where it goes wrong, and where that is noticed. */
const HEAD_LENGTH = 80;
const TAIL_LENGTH = 120;

/** A line that repeats the one before it oftener than this is told once. */
const REPEATS_MAX = 3;

/** Returns the lines of a trace that are about a transaction, in so far as they can be read at one go. */
export function historyOf(trace: readonly string[], transaction: string | undefined): string[] {
  const about = transaction === undefined ? trace : trace.filter((line) => isAbout(line, transaction));
  const lines = withoutRepeats(about);
  const leftOut = lines.length - HEAD_LENGTH - TAIL_LENGTH;
  return leftOut > 0
    ? [...lines.slice(0, HEAD_LENGTH), `  … ${leftOut} lines …`, ...lines.slice(-TAIL_LENGTH)]
    : lines;
}

/** What happens to a process happens to all of its transactions. */
function isAbout(line: string, transaction: string): boolean {
  return line.split(/[\s/:]/u).includes(transaction) || !/\btx\d/u.test(line);
}

function withoutRepeats(lines: readonly string[]): string[] {
  const told: string[] = [];
  let from = 0;
  for (let to = 1; to <= lines.length; to += 1) {
    if (to === lines.length || textOf(lines[to]) !== textOf(lines[from])) {
      const same = lines.slice(from, to);
      told.push(...(same.length > REPEATS_MAX ? [...same.slice(0, 1), repeated(same)] : same));
      from = to;
    }
  }
  return told;
}

function repeated(same: readonly string[]): string {
  return `  … the same ${same.length - 1} more times, until ${same.at(-1)?.trim().split(' ')[0]} …`;
}

/** A line without its time. */
function textOf(line: string | undefined): string | undefined {
  return line?.trimStart().replace(/^\S+/u, '');
}
