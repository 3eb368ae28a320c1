/** Calls `done` with what a promise brings, or `failed` with why it did not. */
export async function whenSettled<Answer>(
  promise: Promise<Answer>,
  done: (answer: Answer) => void,
  failed: (error: Error) => void,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await promise;
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done(answer);
}
