/** Time as the broker in memory sees it. The clocks of the engine are such ones. */
export interface MemoryClock {
  /** In ms since 1970. */
  now(): number;
  /** Calls `callback` once after `delayMs`. */
  setTimer(delayMs: number, callback: () => void): { cancel(): void };
}

/** The time of this machine. */
export const systemClock: MemoryClock = {
  now: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Wakes all who wait for it. */
export class Signal {
  private readonly waiting = new Set<() => void>();

  fire(): void {
    const woken = [...this.waiting];
    this.waiting.clear();
    woken.forEach((wake) => wake());
  }

  add(wake: () => void): void {
    this.waiting.add(wake);
  }

  remove(wake: () => void): void {
    this.waiting.delete(wake);
  }
}

/** Waits for the first of these, and for no longer than `within` if that is given. */
export async function firstOf(
  signals: readonly Signal[],
  within?: { readonly clock: MemoryClock; readonly ms: number },
): Promise<void> {
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      timer?.cancel();
      signals.forEach((signal) => signal.remove(wake));
      resolve();
    };
    const timer = within?.clock.setTimer(within.ms, wake);
    signals.forEach((signal) => signal.add(wake));
  });
}
