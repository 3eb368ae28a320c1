import { performance } from 'node:perf_hooks';

/** What one stretch of load measured. Latencies in ms. */
export interface LoadResult {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** Keeps `inFlight` calls of `once` under way for `seconds`, and returns what they took. */
export async function load(
  once: () => Promise<void>,
  shape: { inFlight: number; seconds: number },
): Promise<LoadResult> {
  const startedAt = performance.now();
  const until = startedAt + shape.seconds * 1_000;
  const latencies: number[] = [];
  const lane = async (): Promise<void> => {
    for (let now = startedAt; now < until;) {
      const from = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- each lane has one call under way.
      await once();
      now = performance.now();
      latencies.push(now - from);
    }
  };
  await Promise.all(Array.from({ length: shape.inFlight }, lane));
  const sorted = Float64Array.from(latencies).toSorted();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return {
    count: sorted.length,
    seconds: (performance.now() - startedAt) / 1_000,
    p50: at(0.5),
    p99: at(0.99),
  };
}
