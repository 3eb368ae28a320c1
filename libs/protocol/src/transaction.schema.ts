import { z } from 'zod';
import { gidSchema, jsonSchema, nameSchema } from './json.schema.js';
import { branchKindSchema, callInFlightSchema } from './led.schema.js';

export const TRANSACTION_STATES = [
  'active',
  'running',
  'committing',
  'aborting',
  'committed',
  'aborted',
] as const;

export const OUTCOMES = ['undecided', 'committed', 'aborted'] as const;

export const STUCK_REASONS = [
  'participant-down',
  'refused',
  'unknown-outcome',
  'lock-held',
  'bad-payload',
  'code',
  'code-gone',
  'branch-lost',
  'mixed',
  'dirty-rows',
  'log-restored',
  'undecidable',
] as const;

const instant = z.iso.datetime().meta({ description: 'By the clock of the log.' });

const actorShape = { by: z.string(), reason: z.string() };

const BRANCH_STATES = [
  'pending',
  'calling',
  'done',
  'refused',
  'unknown',
  'confirming',
  'confirmed',
  'compensating',
  'compensated',
  'skipped',
] as const;

const mixedBranchSchema = z.object({
  branchId: z.string(),
  service: z.string(),
  action: z.string(),
  state: z.enum(BRANCH_STATES),
});

const mixedViewSchema = z
  .object({
    confirmedCount: z.int(),
    confirmed: z.array(mixedBranchSchema),
    notConfirmedCount: z.int(),
    notConfirmed: z.array(mixedBranchSchema),
  })
  .meta({
    description:
      'What is confirmed of a led transaction that is committed, and what is not, 100 branches of each at most. Only in the view of one transaction, while a branch of it is stuck by `mixed`.',
  });

export const stuckViewSchema = z.object({
  reason: z.enum(STUCK_REASONS),
  message: z.string(),
  since: instant,
  branchId: z
    .string()
    .optional()
    .meta({ description: 'The first branch that got stuck; absent where it is the transaction as a whole.' }),
  service: z.string().optional().meta({ description: 'To which that branch belongs.' }),
  op: z
    .enum(['action', 'confirm', 'compensate'])
    .optional()
    .meta({ description: 'What the service was asked to do with that branch.' }),
  mixed: mixedViewSchema.optional(),
  waysOut: z.array(z.enum(['retry', 'skip', 'abort', 'resolve'])),
});

export const doubtViewSchema = z
  .object({
    since: instant,
    trouble: z
      .string()
      .optional()
      .meta({ description: 'What keeps the participant from doing what it was told.' }),
    isForPeople: z
      .boolean()
      .optional()
      .meta({ description: 'The log cannot tell what was decided: a person has to look.' }),
    reason: z.string().optional().meta({ description: 'Why only a person can tell.' }),
  })
  .meta({ description: 'Its participant has asked what was decided. Hearsay: it is kept in memory alone.' });

export const branchViewSchema = z.object({
  branchId: z.string(),
  service: z.string(),
  action: z.string(),
  kind: branchKindSchema,
  after: z.array(z.string()),
  pivot: z.boolean(),
  state: z.enum(BRANCH_STATES),
  round: z.int(),
  undoRound: z.int(),
  attempt: z.int(),
  nextAttemptAt: instant.optional(),
  startedAt: instant.optional(),
  endedAt: instant.optional(),
  output: jsonSchema.optional(),
  refusal: z.object({ reason: z.string(), details: jsonSchema.optional() }).optional(),
  lastError: z.object({ class: z.string(), message: z.string(), at: instant }).optional(),
  stuck: stuckViewSchema.optional(),
  skipped: z.object(actorShape).optional(),
  doubt: doubtViewSchema.optional(),
  isHearsay: z.boolean().optional().meta({
    description:
      'Nothing of it is in the log: its initiator or its participant has told of it, and its state is as old as that.',
  }),
});

export const historyViewSchema = z.object({
  at: instant,
  what: z.string(),
  branchId: z.string().optional(),
  round: z.int().optional(),
  attempt: z.int().optional(),
  by: z.string().optional(),
  message: z.string().optional(),
});

const summaryShape = {
  gid: gidSchema,
  kind: z
    .enum(['saga', 'led'])
    .meta({ description: '`saga`: from a plan; `led`: called by the code of its initiator.' }),
  name: nameSchema,
  initiator: z.string().optional(),
  lane: z.string().optional(),
  tags: z.record(z.string(), z.string()),
  outcome: z.enum(OUTCOMES),
  state: z.enum(TRANSACTION_STATES),
  stuck: stuckViewSchema.optional(),
  paused: z.object({ ...actorShape, since: instant }).optional(),
  abort: z.object({ code: z.string(), message: z.string(), branchId: z.string().optional() }).optional(),
  acceptedAt: instant,
  deadlineAt: instant.optional(),
  endedAt: instant.optional(),
  owner: z.string().optional().meta({
    description:
      'The coordinator instance that drives it, or drove it last: an `instanceId` of `GET /v1/instances`.',
  }),
  version: z.int(),
  format: z.int().optional().meta({
    description:
      'Only where a newer version of the coordinator has written it, in a format that the one that answers cannot read: it shows what it can, leaves the transaction alone, and refuses acts. Ask one of the newer version.',
  }),
  isHearsay: z
    .boolean()
    .optional()
    .meta({ description: 'It is only heard of, and nothing of it is in the log. `version` is 0.' }),
};

/** A row of the list. */
export const transactionSummarySchema = z.object(summaryShape).meta({ id: 'TransactionSummary' });

/** One transaction with everything that is known of it. */
export const transactionViewSchema = z
  .object({
    ...summaryShape,
    input: jsonSchema.optional(),
    branches: z.array(branchViewSchema),
    branchCount: z.int().optional().meta({
      description:
        'How many branches its initiator knows, where that is more than it has told of. Hearsay, like `calls`.',
    }),
    calls: z.array(callInFlightSchema).optional().meta({
      description:
        'Requests and messages of its initiator that are under way, and are no branches: what they enlist is shown once they have returned.',
    }),
    history: z.array(historyViewSchema),
    historyDroppedCount: z.int(),
  })
  .meta({ id: 'Transaction' });

export type StuckView = z.infer<typeof stuckViewSchema>;
export type BranchView = z.infer<typeof branchViewSchema>;
export type TransactionSummary = z.infer<typeof transactionSummarySchema>;
export type TransactionView = z.infer<typeof transactionViewSchema>;

export const PAGE_SIZE_MAX = 200;

/** What stands beside the state, but is looked for as one. */
const BESIDE_STATE: ReadonlySet<unknown> = new Set(['stuck', 'paused']);

/** The filters of the list. All that are given must hold. */
export const listQuerySchema = z.strictObject({
  state: z
    .enum(TRANSACTION_STATES, {
      error: ({ input }) =>
        BESIDE_STATE.has(input) ? `is no state '${String(input)}': use ?${String(input)}=true` : undefined,
    })
    .optional(),
  outcome: z.enum(OUTCOMES).optional(),
  stuck: z.enum(['true', 'false']).optional(),
  stuckReason: z.enum(STUCK_REASONS).optional(),
  paused: z.enum(['true', 'false']).optional(),
  name: nameSchema.optional(),
  service: nameSchema.optional(),
  tag: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}=.{0,256}$/u, 'must be name=value')
    .optional(),
  idempotencyKey: z.string().max(128).optional(),
  acceptedFrom: z.iso.datetime().optional(),
  acceptedTo: z.iso.datetime().optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_SIZE_MAX).default(50),
  after: gidSchema
    .optional()
    .meta({ description: 'The last gid of the page before: newest first, keyset paging.' }),
});

export type ListQuery = z.infer<typeof listQuerySchema>;

export const transactionPageSchema = z.object({
  transactions: z.array(transactionSummarySchema),
  next: gidSchema
    .optional()
    .meta({ description: 'Pass it as `after` for the next page; absent on the last one.' }),
});

export type TransactionPage = z.infer<typeof transactionPageSchema>;

/** How many branches may be named: as many as are registered of one transaction. */
const RESOLVED_COUNT_MAX = 5_000;

export const actRequestSchema = z.strictObject({
  reason: z.string().trim().min(1).max(1_000),
  by: z.string().trim().min(1).max(128).optional(),
});

/** How an operator leaves a branch out: `POST /v1/transactions/{gid}/branches/{branchId}/skip`. */
export const skipRequestSchema = actRequestSchema.extend({
  force: z.boolean().optional().meta({
    description:
      'Leaves the branch out although its participant did not acknowledge an earlier skip: what it was asked before may still take effect.',
  }),
});

/** What an operator decides of a led transaction that the log cannot judge: `POST /v1/transactions/{gid}/resolve`. */
export const resolveRequestSchema = actRequestSchema
  .extend({
    to: z.enum(['commit', 'abort']),
    branches: z.array(z.string().min(1).max(256)).min(1).max(RESOLVED_COUNT_MAX).optional().meta({
      description:
        'The ids of the branches that a commit confirms; the others are undone. Each must be one that this coordinator knows: its participant has asked here, or it was registered.',
    }),
  })
  .refine(({ to, branches }) => (to === 'commit') === (branches !== undefined), {
    path: ['branches'],
    error: 'goes with a commit, which confirms nothing else, and not with an abort, which undoes them all',
  });

export const retryRequestSchema = z.strictObject({
  reason: z.string().trim().min(1).max(1_000).optional(),
  by: z.string().trim().min(1).max(128).optional(),
  branchId: z.string().max(256).optional(),
});

/** How many transactions are in which state; finished ones are counted over the last 24 hours. */
export const countsSchema = z.object({
  byState: z.record(z.enum(TRANSACTION_STATES), z.int()),
  stuck: z.int(),
  stuckByReason: z.record(z.string(), z.int()),
  paused: z.int(),
  unknownFormat: z.int().optional().meta({
    description:
      'How many are under way that a newer version has written: coordinators of this version leave them alone.',
  }),
  hearsay: z
    .int()
    .optional()
    .meta({ description: 'Led transactions that this coordinator has only heard of. In no other count.' }),
  hearsayStuck: z
    .int()
    .optional()
    .meta({ description: 'How many of these only a person can decide. `stuck` does not count them.' }),
  oldestStuckSince: instant.optional(),
});

export type Counts = z.infer<typeof countsSchema>;
