import { ERROR_CODES, gidSchema, OUTCOMES, type ErrorCode } from '@atone/protocol';
import { z } from 'zod';

/** Schemas of answers that only this API gives. */

export const coordinatorInstancesSchema = z
  .object({
    instances: z.array(
      z.object({
        instanceId: z.string(),
        startedAt: z.iso.datetime(),
        leaseUntil: z.iso.datetime(),
        isLive: z.boolean().meta({ description: 'Whether its lease has not run out.' }),
        isThis: z.boolean().meta({ description: 'Whether it is the one that answers.' }),
        driven: z.int().meta({ description: 'How many transactions that are under way it drives.' }),
        version: z.string().optional().meta({ description: 'Absent where it is older than this field.' }),
        format: z
          .int()
          .optional()
          .meta({ description: 'The highest format of rows that it reads. It leaves higher ones alone.' }),
        url: z.string().optional().meta({ description: 'Where it is reached, as it knows itself.' }),
        kafkaPrefix: z.string().nullable().optional().meta({
          description:
            'What the names of its topics at Kafka begin with, the same for all that share a log; null where it has no Kafka.',
        }),
        replyPartitions: z.array(z.int()).optional().meta({
          description:
            'The partitions of the replies by Kafka that it reads; absent where it takes no part in Kafka, or its lease has run out.',
        }),
        isStandby: z.literal(true).optional().meta({
          description:
            'It takes nothing on: others read all partitions of the replies, and there are services that are reached over Kafka alone.',
        }),
      }),
    ),
  })
  .meta({ id: 'CoordinatorInstances' });

export type CoordinatorInstances = z.output<typeof coordinatorInstancesSchema>;

const CODES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'A sentence for people.' }),
    code: z.enum(CODES).meta({ description: 'For programs; it never changes.' }),
    instance: z.string().optional().meta({ description: 'The path that was asked.' }),
    gid: gidSchema.optional(),
    outcome: z.enum(OUTCOMES).optional().meta({ description: 'What was decided, with `ALREADY_DECIDED`.' }),
    errors: z
      .array(
        z.object({
          field: z.string().meta({
            description:
              'A JSON pointer into the body, or the name of a header, parameter or part of the path.',
          }),
          message: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem', description: 'A problem document (RFC 9457).' });

export const healthSchema = z
  .object({
    status: z.string(),
    info: z.record(z.string(), z.object({ status: z.string() })),
    error: z.record(z.string(), z.object({ status: z.string() })),
    details: z.record(z.string(), z.object({ status: z.string() })),
  })
  .meta({ id: 'Health' });
