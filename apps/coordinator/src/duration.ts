import { z } from 'zod';

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

const DURATION = /^(\d{1,9})(ms|s|m|h)$/u;

/** Returns a schema for a duration written as text, which it turns into ms. */
export function durationSchema(limits: { readonly min: string; readonly max: string }) {
  const minMs = durationMs(limits.min) ?? 0;
  const maxMs = durationMs(limits.max) ?? Number.POSITIVE_INFINITY;
  return z
    .string()
    .refine((text) => {
      const ms = durationMs(text);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    }, `must be a duration such as 500ms, 10s or 1m, from ${limits.min} to ${limits.max}`)
    .transform((text) => durationMs(text) ?? 0);
}

/** Returns the ms that a text such as `500ms`, `10s`, `1m` or `2h` means, or undefined when it means none. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
