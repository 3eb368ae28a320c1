import { gidSchema, nameSchema, retryRequestSchema } from '@atone/protocol';
import { z } from 'zod';
import { durationSchema } from '../duration.js';

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

export const transactionPathSchema = z.object({ gid: gidSchema });

export const branchPathSchema = z.object({ gid: gidSchema, branchId: z.string().min(1).max(256) });

export const instancePathSchema = z.object({
  service: nameSchema,
  instance: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/u, 'must hold 1 to 128 of A-Z a-z 0-9 . _ : -'),
});

/** A retry needs no body at all. */
export const retryBodySchema = retryRequestSchema.optional();
