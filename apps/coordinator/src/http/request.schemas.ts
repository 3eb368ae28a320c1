import { gidSchema, nameSchema, retryRequestSchema } from '@atone/protocol';
import { z } from 'zod';
import { durationMs, durationSchema } from '../duration.js';

/** Schemas of what only HTTP carries: queries, and parts of paths. */

export const waitQuerySchema = z.strictObject({
  wait: durationSchema({ min: '0ms', max: '60s' })
    .optional()
    .meta({
      description: 'How long to hold the answer back for the outcome: `500ms`, `10s` or `1m`, up to 60 s.',
      examples: ['10s'],
    }),
});

export type WaitQuery = z.output<typeof waitQuerySchema>;

const WAIT_MS_MAX = 60_000;

/** Returns the query if nothing but a wait is plainly in it; undefined leaves it to the schema. */
export function plainWaitQuery(query: unknown): WaitQuery | undefined {
  if (typeof query !== 'object' || query === null || !('wait' in query) || Object.keys(query).length > 1) {
    return undefined;
  }
  const wait = typeof query.wait === 'string' ? durationMs(query.wait) : undefined;
  return wait !== undefined && wait <= WAIT_MS_MAX ? { wait } : undefined;
}

export const transactionPathSchema = z.object({ gid: gidSchema });

export const branchPathSchema = z.object({ gid: gidSchema, branchId: z.string().min(1).max(256) });

export const instancePathSchema = z.object({
  service: nameSchema,
  instance: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/u, 'must hold 1 to 128 of A-Z a-z 0-9 . _ : -'),
});

/** A retry needs no body at all. */
export const retryBodySchema = retryRequestSchema.optional();
