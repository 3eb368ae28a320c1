import { z } from 'zod';
import { gidSchema, jsonSchema, nameSchema } from './json.schema.js';
import { tagsSchema } from './plan.schema.js';

/*
 * Led transactions: the initiator's own code calls the actions, and the coordinator brings the decision.
 *
 * Who only tells or asks, by a notice or a doubt, may tell more than this version knows: that is passed over, because a library of a
 * later version would otherwise have all questions of a batch refused. What is decided or registered is strict: a member that
 * is passed over might have said what becomes of a branch.
 */

/** How many branches one request may hold. */
export const LED_BRANCH_COUNT_MAX = 1_000;
/** How many transactions may be decided, registered or doubted in one request. */
export const DOUBT_COUNT_MAX = 200;
export const NOTICE_COUNT_MAX = 500;
/** How many branches, and how many other calls, a notice may tell of. */
export const NOTICE_BRANCH_COUNT_MAX = 50;
/** How long the label of a call may be. */
export const CALL_LABEL_CHARS_MAX = 200;
/** The longest that a led transaction may stay undecided. */
export const LED_TIMEOUT_MAX_MS = 24 * 3_600_000;
/** For how long a doubt may be overdue: 300 years, so that no clock of a participant has its questions refused. */
export const OVERDUE_MAX_MS = 1e13;
/** The greatest number of a life: an `integer` of PostgreSQL. */
const EPOCH_MAX = 2_147_483_647;
/** The greatest number of a log: it goes into 12 bits of a gid. */
const LOG_NUMBER_MAX = 4_095;
/** More branches than a transaction can have. */
const TOLD_COUNT_MAX = 1_000_000;
/** What a timer can wait for. */
const WAIT_MAX_MS = 2_147_483_647;

export const branchKindSchema = z.enum(['saga', 'tcc']);

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/u, 'must be a SHA-256 in hex');

export const nonceSchema = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/u);

/** 32 random bytes in hex. */
export const secretSchema = z.string().regex(/^[0-9a-f]{64}$/u, 'must be 32 bytes in hex');

/** An id that names the calls above it: `2`, or `2~k7.1`, the first call of run `k7` of branch `2`. */
export const branchIdSchema = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._~:-]*$/u, 'must hold only A-Z a-z 0-9 . _ ~ : -');

const epochSchema = z.int().min(1).max(EPOCH_MAX);

const timeoutSchema = z
  .int()
  .min(1)
  .max(LED_TIMEOUT_MAX_MS)
  .meta({ description: 'From the beginning to the deadline.' });

/** What travels with a call of a led transaction, beside its gid and branch id. */
export const ledContextSchema = z.object({
  secretHash: sha256Schema,
  epoch: epochSchema,
  initiator: nameSchema,
  /** Absent where a service on the way does not hand it on. */
  timeoutMs: timeoutSchema.optional(),
});

export type LedContext = z.infer<typeof ledContextSchema>;

/** A branch as an initiator or a participant tells of it. */
export const ledBranchSchema = z.strictObject({
  branchId: branchIdSchema,
  service: nameSchema,
  action: nameSchema,
  kind: branchKindSchema,
  nonce: nonceSchema
    .optional()
    .meta({ description: 'Drawn by the participant. Absent where no barrier is kept.' }),
  inputHash: sha256Schema.optional(),
  input: jsonSchema
    .optional()
    .meta({ description: 'For an endpoint without a barrier: what its end is told.' }),
  output: jsonSchema.optional(),
});

export const registeredBelowSchema = z.strictObject({
  prefix: z.string().min(1).max(256),
  count: z.int().min(1).max(TOLD_COUNT_MAX),
});

/** What a participant's answer tells of the branch that it stored, and of those below it. */
export const enlistmentSchema = z.object({
  kind: branchKindSchema,
  nonce: nonceSchema,
  inputHash: sha256Schema,
  below: z.array(ledBranchSchema).optional(),
  registered: z.array(registeredBelowSchema).optional(),
});

/** The first segment of an answer to `GET /v1/log`: what an initiator must know before it can begin. */
export const logInfoSchema = z
  .object({
    logNumber: z
      .int()
      .min(0)
      .max(LOG_NUMBER_MAX)
      .meta({ description: 'Goes into `rand_a` of the gids that this log decides.' }),
    epoch: epochSchema.meta({
      description: 'The life of the log: it changes when decisions may have been lost.',
    }),
    logId: z.uuid().optional().meta({
      description:
        'By what the log is told from others at the same Kafka. It stays; absent in former versions.',
    }),
    now: z.iso.datetime().meta({ description: 'By the clock of the log.' }),
    timeoutMaxMs: z.int().min(1).max(WAIT_MAX_MS),
  })
  .meta({ id: 'LogInfo' });

export type LogInfo = z.infer<typeof logInfoSchema>;

const startShape = {
  name: nameSchema,
  initiator: nameSchema,
  epoch: epochSchema,
  timeoutMs: timeoutSchema,
  tags: tagsSchema.optional(),
  lane: nameSchema.optional(),
};

/** A branch as its initiator knows it while nothing is decided. */
const calledBranchSchema = z.object({
  branchId: branchIdSchema,
  service: nameSchema,
  action: nameSchema,
  kind: branchKindSchema,
  state: z.enum(['in-flight', 'returned', 'threw']),
});

/** A call under way that is no branch itself: a request or a message that carries the transaction. */
export const callInFlightSchema = z.object({
  callId: branchIdSchema,
  label: z.string().max(CALL_LABEL_CHARS_MAX).meta({ description: 'Such as `POST http://stock/holds`.' }),
});

/** What the initiator of a led transaction knows of its calls. */
const calledShape = {
  branches: z
    .array(calledBranchSchema)
    .max(NOTICE_BRANCH_COUNT_MAX)
    .optional()
    .meta({ description: 'Those called so far, and those below them that have been told of.' }),
  branchCount: z
    .int()
    .min(0)
    .max(TOLD_COUNT_MAX)
    .optional()
    .meta({ description: 'How many there are, where `branches` does not hold them all.' }),
  calls: z
    .array(callInFlightSchema)
    .max(NOTICE_BRANCH_COUNT_MAX)
    .optional()
    .meta({ description: 'Other calls that are under way. What they enlist is a branch.' }),
};

/** That a led transaction has begun, what it has called, or that it is over: for people, and nobody waits for it. */
export const noticeSchema = z.object({
  gid: gidSchema,
  ...startShape,
  secretHash: sha256Schema,
  ...calledShape,
  isOver: z
    .boolean()
    .optional()
    .meta({ description: 'It has ended, and there was nothing to decide: it need not be shown any more.' }),
});

export type Notice = z.infer<typeof noticeSchema>;

export const noticesRequestSchema = z.object({
  notices: z.array(noticeSchema).min(1).max(NOTICE_COUNT_MAX),
});

/** The decision of the initiator: `PUT /v1/transactions/{gid}/decision`. */
export const decisionRequestSchema = z.strictObject({
  to: z.enum(['commit', 'abort']),
  secret: secretSchema,
  ...startShape,
  branches: z
    .array(ledBranchSchema)
    .max(LED_BRANCH_COUNT_MAX)
    .meta({ description: 'Those whose call, and every call above it, returned normally, in that order.' }),
  registered: z
    .array(registeredBelowSchema)
    .max(LED_BRANCH_COUNT_MAX)
    .optional()
    .meta({ description: 'Lists that were registered before, and stand here only by their count.' }),
  thrown: z
    .array(ledBranchSchema)
    .max(LED_BRANCH_COUNT_MAX)
    .optional()
    .meta({ description: 'Those whose call threw: they are undone, also when the rest commits.' }),
  message: z.string().max(4_000).optional().meta({ description: 'Why it aborts.' }),
});

export type DecisionRequest = z.infer<typeof decisionRequestSchema>;

/** Branches that are registered before the decision: `POST /v1/transactions/{gid}/branches`. */
export const registrationRequestSchema = z.strictObject({
  secretHash: sha256Schema,
  ...startShape,
  remainingMs: z.int().min(0).max(LED_TIMEOUT_MAX_MS).meta({ description: 'Until the deadline, from now.' }),
  branches: z.array(ledBranchSchema).min(1).max(LED_BRANCH_COUNT_MAX),
});

export type RegistrationRequest = z.infer<typeof registrationRequestSchema>;

/** A branch whose deadline has passed without a decision. */
export const doubtSchema = z.object({
  gid: gidSchema,
  branchId: branchIdSchema,
  service: nameSchema,
  action: nameSchema,
  kind: branchKindSchema,
  nonce: nonceSchema,
  secretHash: sha256Schema,
  epoch: epochSchema,
  initiator: nameSchema,
  timeoutMs: timeoutSchema.optional().meta({
    description:
      'The whole time of the transaction, as the call told it: until it is over by the clock of the log, the answer is `wait`.',
  }),
  overdueMs: z
    .number()
    .min(0)
    .max(OVERDUE_MAX_MS)
    .meta({ description: 'For how long its deadline has passed, by the clock of its database.' }),
  trouble: z.string().max(1_000).optional().meta({ description: 'Why it could not do what it was told.' }),
});

export type Doubt = z.infer<typeof doubtSchema>;

export const doubtsRequestSchema = z.object({
  doubts: z.array(doubtSchema).min(1).max(DOUBT_COUNT_MAX),
});

/**
 * `confirm`, `undo`: what was decided for the branch. `wait`: nothing is decided yet, or the decision is on its way.
 * `ask-people`: this log cannot know; a person has to look.
 */
export const verdictSchema = z.object({
  gid: gidSchema,
  branchId: branchIdSchema,
  verdict: z.enum(['confirm', 'undo', 'wait', 'ask-people']),
  waitMs: z.number().min(0).max(WAIT_MAX_MS).optional().meta({ description: 'When to ask again.' }),
  isStraggler: z.boolean().optional().meta({
    description:
      'Whether the log does not know the branch, so that no coordinator will ever bring it an end: a stored no is asked again, in a later round.',
  }),
  reason: z.string().optional(),
});

export type Verdict = z.infer<typeof verdictSchema>;

export const verdictsSchema = z
  .object({ verdicts: z.array(verdictSchema) })
  .meta({ id: 'Verdicts', description: 'One for each doubt, in the same order.' });

export type Verdicts = z.infer<typeof verdictsSchema>;
