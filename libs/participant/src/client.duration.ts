/** A span of time: milliseconds, or a number with its unit. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/u;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Returns `duration` in whole milliseconds.
 *
 * @throws RangeError for anything that is no span of time.
 */
export function durationMs(duration: Duration): number {
  const [, count, unit] = DURATION.exec(String(duration)) ?? [];
  const ms = typeof duration === 'number' ? duration : Number(count) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  if (!Number.isFinite(ms) || ms < 0) {
    throw new RangeError(`'${duration}' is no duration: write milliseconds, or '500ms', '30s', '5m', '1h'.`);
  }
  return Math.round(ms);
}
