import {
  Engine,
  viewOf,
  UnreadableRowError,
  type Snapshot,
  type SubmitAnswer,
  type TransactionLog,
} from '@atone/engine';
import {
  HEADERS,
  idempotencyKeySchema,
  listQuerySchema,
  submissionSchema,
  type ListQuery,
  type Submission,
  type TransactionPage,
  type TransactionView,
} from '@atone/protocol';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOG } from '../tokens.js';
import { bodyHash } from './canonical.json.js';
import { filterOf } from './list.filter.js';
import { OutcomeDesk } from './outcome.desk.js';
import { fieldError, RequestError } from './request.error.js';
import { transactionPathSchema, waitQuerySchema, type WaitQuery } from './request.schemas.js';
import { traceContextOf } from './trace.context.js';
import { summaryOfRow, unreadableView } from './transaction.row.js';

@Controller('v1/transactions')
export class TransactionsController {
  constructor(
    private readonly engine: Engine,
    private readonly desk: OutcomeDesk,
    @Inject(LOG) private readonly log: TransactionLog,
  ) {}

  @Post()
  @HttpCode(202)
  async submit(
    @Body({ schema: submissionSchema }) submission: Submission,
    @Query({ schema: waitQuerySchema }) { wait }: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TransactionView> {
    const answer = await this.accept(submission, reply.request);
    const snapshot = await this.desk.wait(answer.gid, wait ?? 0);
    void reply.header('location', `/v1/transactions/${answer.gid}`);
    if (answer.isReplay) {
      void reply.header(HEADERS.idempotentReplayed, 'true');
    }
    if (wait !== undefined && snapshot.saga.endedAt !== undefined) {
      void reply.code(200);
    }
    return viewOf(snapshot);
  }

  @Get()
  async list(@Query({ schema: listQuerySchema }) query: ListQuery): Promise<TransactionPage> {
    if (Object.values(query).some((value) => String(value).includes('\0'))) {
      throw new RequestError('BAD_REQUEST', 'No parameter may hold the character 0.');
    }
    // One more than asked for tells whether another page follows.
    const rows = await this.engine.list({ ...filterOf(query), limit: query.limit + 1 });
    const page = rows.slice(0, query.limit);
    return {
      transactions: page.map(summaryOfRow),
      next: rows.length > page.length ? page.at(-1)?.gid : undefined,
    };
  }

  @Get(':gid')
  async get(
    @Param({ schema: transactionPathSchema }) { gid }: { gid: string },
    @Query({ schema: waitQuerySchema }) { wait = 0 }: WaitQuery,
  ): Promise<TransactionView> {
    try {
      const now = await this.engine.get(gid);
      return viewOf(now.saga.endedAt === undefined ? await this.later(gid, { now, wait }) : now);
    } catch (error) {
      const row = error instanceof UnreadableRowError ? await this.log.get(gid) : undefined;
      if (row === undefined) {
        throw error;
      }
      return unreadableView(row, error as UnreadableRowError);
    }
  }

  private async later(gid: string, question: { now: Snapshot; wait: number }): Promise<Snapshot> {
    return question.wait === 0 ? question.now : this.desk.wait(gid, question.wait);
  }

  private async accept(submission: Submission, request: FastifyRequest): Promise<SubmitAnswer> {
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
