/** What became of some work. */
export type Settled<Result> =
  { readonly how: 'returned'; readonly result: Result } | { readonly how: 'threw'; readonly error: unknown };

/** Runs `work` and tells what became of it. Never rejects. */
export async function settle<Result>(work: () => Promise<Result>): Promise<Settled<Result>> {
  try {
    return { how: 'returned', result: await work() };
  } catch (error) {
    return { how: 'threw', error };
  }
}

/** Returns what an error says, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
