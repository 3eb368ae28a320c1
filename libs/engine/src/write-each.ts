/** What became of one item of a batch. */
export type WriteResult<Answer> = { readonly answer: Answer } | { readonly error: unknown };

/**
 * Writes a batch, and where one item makes the log refuse the whole, the others without it.
 *
 * @throws the log's error when it did not answer, and so may have written any of them.
 */
export async function writeEach<Item, Answer>(
  items: readonly Item[],
  write: (items: readonly Item[]) => Promise<readonly Answer[]>,
): Promise<readonly WriteResult<Answer>[]> {
  try {
    return (await write(items)).map((answer) => ({ answer }));
  } catch (error) {
    if (!isHopeless(error)) {
      throw error;
    }
    if (items.length === 1) {
      return [{ error }];
    }
    const middle = Math.ceil(items.length / 2);
    return [
      ...(await writeEach(items.slice(0, middle), write)),
      ...(await writeEach(items.slice(middle), write)),
    ];
  }
}

/** Returns an item's answer. @throws its error. */
export function resultOf<Answer>(result: WriteResult<Answer>): Answer {
  if ('error' in result) {
    throw result.error;
  }
  return result.answer;
}

/**
 * Tells whether trying again cannot help: the log has said that it will never take this, or the row could not even be
 * written down.
 */
export function isHopeless(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) {
    return true;
  }
  return error instanceof Error && 'retryable' in error && error.retryable === false;
}
