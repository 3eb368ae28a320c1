import { z } from 'zod';
import { jsonSchema, nameSchema, textSchema } from './json.schema.js';

export const retrySchema = z.strictObject({
  attemptCountMax: z.int().min(1).max(100_000).optional(),
  undoAttemptCountMax: z.int().min(1).max(100_000).optional(),
  initialMs: z.int().min(1).max(3_600_000).optional(),
  capMs: z.int().min(1).max(86_400_000).optional(),
  replyTimeoutMs: z.int().min(10).max(3_600_000).optional(),
});

const STEP_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/u;

/** Tells whether `text` may be the name of a step. */
export function isStepName(text: string): boolean {
  return STEP_NAME.test(text);
}

export const planStepSchema = z.strictObject({
  name: z
    .string()
    .regex(STEP_NAME, 'must start with a letter and hold only letters, digits, _ -')
    .meta({ description: 'Unique in the plan; it is the id of the branch.' }),
  service: nameSchema,
  action: nameSchema,
  input: jsonSchema.optional().meta({
    description:
      'Any JSON. {"$from": "<step>", "pointer": "/a/b"} is replaced by a part of that step\'s output, {"$from": "$input", …} by a part of the plan\'s input, {"$literal": x} by x.',
  }),
  after: z
    .array(z.string())
    .max(1_000)
    .optional()
    .meta({ description: 'Steps that come first. Without it: the step before; []: starts at once.' }),
  pivot: z.boolean().optional().meta({ description: 'Its yes decides to commit. At most one in a plan.' }),
  onRefusal: z.enum(['abort', 'retry']).optional(),
  retry: retrySchema.optional(),
});

const TAG_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/u;

/** Tells whether `text` may be the name of a tag. */
export function isTagName(text: string): boolean {
  return TAG_NAME.test(text);
}

export const TAG_LENGTH_MAX = 256;
export const TAG_COUNT_MAX = 20;

/** What a transaction is found by, beside its name. */
export const tagsSchema = z
  .record(z.string().regex(TAG_NAME), textSchema.max(TAG_LENGTH_MAX))
  .refine((tags) => Object.keys(tags).length <= TAG_COUNT_MAX, `holds at most ${TAG_COUNT_MAX} tags`);

export const BRANCH_COUNT_MAX = 1_000;

/** What a client submits. */
export const submissionSchema = z.strictObject({
  name: nameSchema,
  initiator: nameSchema.optional(),
  input: jsonSchema.optional(),
  steps: z.array(planStepSchema).min(1).max(BRANCH_COUNT_MAX),
  retry: retrySchema.optional(),
  timeoutMs: z
    .int()
    .min(1)
    .max(30 * 86_400_000)
    .optional()
    .meta({ description: 'After it, what is undecided is aborted. Default: 10 minutes.' }),
  tags: tagsSchema.optional(),
  lane: nameSchema.optional(),
});

export type Submission = z.infer<typeof submissionSchema>;
export type SubmittedStep = z.infer<typeof planStepSchema>;

/** A client's own key for a submission: the same key and body give the same transaction. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/u, 'must hold 1 to 128 of A-Z a-z 0-9 . _ : -');
