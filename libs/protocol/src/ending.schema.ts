import { z } from 'zod';
import { gidSchema } from './json.schema.js';

/** How many transactions one question may name. */
export const ENDING_COUNT_MAX = 200;

export const endingsRequestSchema = z.strictObject({
  gids: z.array(gidSchema).min(1).max(ENDING_COUNT_MAX),
});

/** Whether a transaction has ended. What has ended stays ended. */
export const endingSchema = z.discriminatedUnion('isLive', [
  z.object({ gid: gidSchema, isLive: z.literal(true) }),
  z.object({
    gid: gidSchema,
    isLive: z.literal(false),
    endedForMs: z.number().min(0).meta({ description: 'How long ago it ended, by the clock of the log.' }),
  }),
]);

export type Ending = z.infer<typeof endingSchema>;

/** One line for each transaction that the log holds. The others are missing: nothing is known of them. */
export const endingsSchema = z.object({ transactions: z.array(endingSchema) }).meta({ id: 'Endings' });

export type Endings = z.infer<typeof endingsSchema>;
