/** As `sysexits.h` has it (EX_CONFIG): to start again changes nothing, somebody has to change something first. */
const EXIT_CODE_MISCONFIGURED = 78;

/** The environment cannot be used as it is. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly retryable = false;
}

/** Starts a program. Where only people can help, it ends with a sentence for them rather than with a stack. */
export async function startOrExplain(start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (!isForPeople(error)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CODE_MISCONFIGURED);
  }
}

/** Atone's errors say whether to try again can help. */
function isForPeople(error: unknown): error is Error {
  return error instanceof Error && 'retryable' in error && error.retryable === false;
}
