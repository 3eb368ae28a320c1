/** From here on no run of a property begins; whoever is slow plays less, but always something. */
const TIME_LIMIT_MS = 10_000;
/** A run that takes longer hangs. Together with the limit it is less than what a test may take. */
const RUN_MAX_MS = 8_000;

/** Returns the settings of a property of random commands against something that takes its time. */
export function runLimits(runCount: number): { readonly numRuns: number; readonly timeout: number } {
  return { numRuns: runCount, timeout: RUN_MAX_MS };
}

/**
 * Returns `run` for as long as there is time, and then what does nothing. fast-check's own limit leaves a run that has
 * begun in the middle: what it opened would stay open, and one that hangs would pass.
 */
export function whileThereIsTime<Script>(
  run: (script: Script) => Promise<void>,
): (script: Script) => Promise<void> {
  const startedAt = performance.now();
  return async (script) => {
    if (performance.now() - startedAt < TIME_LIMIT_MS) {
      await run(script);
    }
  };
}
