import { SeededRandom } from '@atone/engine/testing';

/** Returns the dice of a run, by `CHAOS_SEED` or a new seed, and prints which. */
export function seededRandom(): SeededRandom {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`CHAOS_SEED=${seed}\n`);
  return new SeededRandom(seed);
}
