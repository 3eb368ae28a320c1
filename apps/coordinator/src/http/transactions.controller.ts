import { endingOf, Engine, filterOf, viewOf, type SubmitAnswer } from '@atone/engine';
import {
  endingsRequestSchema,
  endingsSchema,
  HEADERS,
  idempotencyKeySchema,
  listQuerySchema,
  submissionSchema,
  transactionPageSchema,
  transactionViewSchema,
  type Endings,
  type ListQuery,
  type Submission,
  type TransactionPage,
  type TransactionView,
} from '@atone/protocol';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Describe } from '../openapi/operation.decorator.js';
import { bodyHash } from './canonical.json.js';
import { fieldError, RequestError } from './request.error.js';
import { transactionPathSchema, waitQuerySchema, type WaitQuery } from './request.schemas.js';
import { traceContextOf } from './trace.context.js';
import { TransactionPages } from './transaction.pages.js';
import { TransactionReader } from './transaction.reader.js';

const SUBMIT_HEADERS = {
  [HEADERS.idempotencyKey]:
    'A key of your own, 1 to 128 of `A-Z a-z 0-9 . _ : -`. The same key and body give the same transaction, for 7 days.',
  [HEADERS.traceparent]: 'W3C trace context, passed on to the participants.',
  [HEADERS.baggage]: 'W3C baggage, passed on to the participants. Its member `lane` names the lane.',
  [HEADERS.lane]: 'The lane, where neither the body nor the baggage names one.',
};

const ACCEPTED_HEADERS = {
  location: 'Where the transaction is shown.',
  [HEADERS.idempotentReplayed]: '`true` when the key had been used before and nothing new was accepted.',
};

type EndingsRequest = z.output<typeof endingsRequestSchema>;

@Controller('v1/transactions')
export class TransactionsController {
  constructor(
    private readonly engine: Engine,
    private readonly reader: TransactionReader,
    private readonly pages: TransactionPages,
  ) {}

  @Post()
  @Describe({
    id: 'submitTransaction',
    group: 'transactions',
    summary: 'Starts a transaction from a plan.',
    description:
      'The answer comes when the plan is durable: from then on the transaction ends, or is visibly stuck. With `wait` it comes with the outcome, if that is known in time, or as soon as the transaction is stuck or set aside.',
    headers: SUBMIT_HEADERS,
    answers: {
      200: {
        description: 'It has ended within `wait`.',
        schema: transactionViewSchema,
        headers: ACCEPTED_HEADERS,
      },
      202: {
        description: 'It is accepted and under way.',
        schema: transactionViewSchema,
        headers: ACCEPTED_HEADERS,
      },
    },
    errors: [
      'BAD_REQUEST',
      'UNKNOWN_ACTION',
      'INVALID_PLAN',
      'IDEMPOTENCY_IN_FLIGHT',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'IDEMPOTENCY_MISMATCH',
      'OVERLOADED',
      'LOG_UNAVAILABLE',
    ],
  })
  @HttpCode(202)
  async submit(
    @Body({ schema: submissionSchema }) submission: Submission,
    @Query({ schema: waitQuerySchema }) { wait }: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TransactionView> {
    const { gid, isReplay } = await this.accept(submission, reply.request);
    // What was accepted here just now is in memory; a repeat may concern what another coordinator drives.
    const view = isReplay
      ? await this.reader.view(gid, wait ?? 0)
      : viewOf(await this.engine.waitForEnd(gid, wait ?? 0));
    void reply.header('location', `/v1/transactions/${gid}`);
    if (isReplay) {
      void reply.header(HEADERS.idempotentReplayed, 'true');
    }
    void reply.code(wait !== undefined && view.endedAt !== undefined ? 200 : 202);
    return view;
  }

  @Get()
  @Describe({
    id: 'listTransactions',
    group: 'transactions',
    summary: 'Lists transactions, newest first.',
    description:
      'All filters that are given must hold. Led transactions that this coordinator has only heard of are among them, marked by `isHearsay`.',
    answers: { 200: { description: 'A page.', schema: transactionPageSchema } },
    errors: ['BAD_REQUEST', 'LOG_UNAVAILABLE'],
  })
  async list(@Query({ schema: listQuerySchema }) query: ListQuery): Promise<TransactionPage> {
    // PostgreSQL's text cannot hold it, so there is nothing that it could match.
    if (Object.values(query).some((value) => String(value).includes('\0'))) {
      throw new RequestError('BAD_REQUEST', 'No parameter may hold the character 0.');
    }
    return this.pages.page(filterOf(query));
  }

  @Post('endings')
  @Describe({
    id: 'tellEndings',
    group: 'transactions',
    summary: 'Tells which transactions have ended, and for how long.',
    description:
      'Participants ask this before they remove rows of their barrier, and before they carry out what may be a late duplicate. What has ended stays ended. A transaction that this log does not hold is missing in the answer: nothing is known of it.',
    answers: {
      200: { description: 'One entry for each transaction that the log holds.', schema: endingsSchema },
    },
    errors: ['BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'LOG_UNAVAILABLE'],
  })
  @HttpCode(200)
  async endings(@Body({ schema: endingsRequestSchema }) { gids }: EndingsRequest): Promise<Endings> {
    return { transactions: (await this.engine.endings(gids)).map(endingOf) };
  }

  @Get(':gid')
  @Describe({
    id: 'getTransaction',
    group: 'transactions',
    summary: 'Shows a transaction with all that is known of it.',
    description:
      'With `wait` the answer is held back until the transaction has ended, gets stuck or is set aside meanwhile, or the time is up. A led transaction of which nothing is in the log is shown as far as this coordinator has heard of it, marked by `isHearsay`. To look decides nothing.',
    answers: { 200: { description: 'The transaction as it stands.', schema: transactionViewSchema } },
    errors: ['BAD_REQUEST', 'NOT_FOUND', 'LOG_UNAVAILABLE'],
  })
  async get(
    @Param({ schema: transactionPathSchema }) { gid }: { gid: string },
    @Query({ schema: waitQuerySchema }) { wait = 0 }: WaitQuery,
  ): Promise<TransactionView> {
    return this.reader.view(gid, wait);
  }

  private accept(submission: Submission, request: FastifyRequest): Promise<SubmitAnswer> {
    const { traceparent, baggage, lane } = traceContextOf(request.headers);
    const key = idempotencyKeyOf(request);
    return this.engine.submit({
      submission: submission.lane === undefined && lane !== undefined ? { ...submission, lane } : submission,
      // The body as it came: what a header adds is no part of what the client repeats.
      idempotency: key === undefined ? undefined : { key, bodyHash: bodyHash(submission) },
      traceparent,
      baggage,
    });
  }
}

function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers[HEADERS.idempotencyKey];
  if (key === undefined) {
    return undefined;
  }
  const result = idempotencyKeySchema.safeParse(key);
  if (!result.success) {
    const message = result.error.issues[0]?.message ?? 'is not valid';
    throw fieldError([{ field: HEADERS.idempotencyKey, message }]);
  }
  return result.data;
}
