import { participantInstanceSchema, nameSchema } from '@atone/protocol';
import { z } from 'zod';

/** Schemas of answers that only this API gives. */

export const participantsSchema = z.array(
  participantInstanceSchema
    .extend({
      service: nameSchema,
      registeredAt: z.number().meta({ description: 'By the clock of the log, in ms since 1970.' }),
      seenAt: z.number().meta({ description: 'When it last renewed its entry.' }),
    })
    .meta({ id: 'CatalogueInstance' }),
);

export const coordinatorInstancesSchema = z
  .object({
    instances: z.array(
      z.object({
        instanceId: z.string(),
        startedAt: z.iso.datetime(),
        leaseUntil: z.iso.datetime(),
        isLive: z.boolean().meta({ description: 'Whether its lease has not run out.' }),
        isThis: z.boolean().meta({ description: 'Whether it is the one that answers.' }),
      }),
    ),
  })
  .meta({ id: 'CoordinatorInstances' });

export type CoordinatorInstances = z.output<typeof coordinatorInstancesSchema>;
