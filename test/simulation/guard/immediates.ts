/** Has what code plans for the end of this turn of the event loop planned by `plan`. Returns what undoes it. */
export function planImmediates(plan: (run: () => void) => void): () => void {
  const real = globalThis.setImmediate;
  const planned = (run: (...args: unknown[]) => void, ...args: unknown[]): void => {
    plan(() => run(...args));
  };
  globalThis.setImmediate = Object.assign(planned, real);
  return () => {
    globalThis.setImmediate = real;
  };
}
