/** How long a stop may take before the process ends regardless: whatever it leaves is taken over. */
export const STOP_MS_MAX = 10_000;
