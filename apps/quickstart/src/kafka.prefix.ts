import { randomBytes } from 'node:crypto';
import type { KeptWord } from './kept.word.js';

const PREFIX = /^[A-Za-z0-9._-]{1,64}$/u;

/**
 * Returns what topics begin with at brokers that others may use as well: what was given, else what the data folder keeps, and at its
 * first start one that nobody else has. Two installations with one prefix would be brought each other's commands.
 */
export async function ownPrefix(given: string | undefined, kept: KeptWord): Promise<string> {
  const known = given ?? (await kept.read(PREFIX));
  if (known !== undefined) {
    return known;
  }
  const drawn = `atone-${randomBytes(4).toString('hex')}`;
  await kept.keep(drawn);
  return drawn;
}
