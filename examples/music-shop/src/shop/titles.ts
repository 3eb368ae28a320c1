/*
 * The data tell how many CDs were bought, and not which. So each order gets a title by its number.
 */

const FIRST_WORDS = [
  'Amber', 'Bitter', 'Crooked', 'Distant', 'Electric', 'Faded', 'Golden', 'Hollow', 'Idle', 'Jagged',
  'Kind', 'Lonely', 'Midnight', 'Northern', 'Open', 'Paper', 'Quiet', 'Restless', 'Silver', 'Tangled',
]; // prettier-ignore
const LAST_WORDS = [
  'Avenue', 'Bridges', 'Cathedral', 'Daydream', 'Echoes', 'Fields', 'Gardens', 'Harbour', 'Islands', 'Journey',
]; // prettier-ignore

/** All that the shop sells. */
export const TITLES: readonly string[] = FIRST_WORDS.flatMap((first) =>
  LAST_WORDS.map((last) => `${first} ${last}`),
);

/** Shares no factor with the number of titles, so that each of them has its turn. */
const STRIDE = 73;

/** Returns the title that order `orderNo` buys. Orders that follow each other buy different ones, so no row gets hot. */
export function titleOf(orderNo: number): string {
  return TITLES[(orderNo * STRIDE) % TITLES.length] ?? '';
}
