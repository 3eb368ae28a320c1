/** So many letters may differ between what somebody has written and what he meant. */
const SLIP_MAX = 2;

/** Returns what is said to somebody who has written `name`, which is none of `names`. */
export function unknownVariable(name: string, names: readonly string[]): string {
  const meant = names.find((other) => slipsBetween(name, other) <= SLIP_MAX);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `perhaps ${meant} was meant`;
  return `There is no ${name}: ${hint}.`;
}

/** Returns how many letters remain without those that both begin and end with. */
function slipsBetween(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  let begun = 0;
  while (begun < shorter && one[begun] === other[begun]) {
    begun += 1;
  }
  let ended = 0;
  while (ended < shorter - begun && one.at(-1 - ended) === other.at(-1 - ended)) {
    ended += 1;
  }
  return Math.max(one.length, other.length) - begun - ended;
}
