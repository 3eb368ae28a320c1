import { Engine, viewOf, type DecideAnswer } from '@atone/engine';
import {
  decisionRequestSchema,
  doubtsRequestSchema,
  HEADERS,
  noticesRequestSchema,
  registrationRequestSchema,
  transactionViewSchema,
  verdictsSchema,
  type DecisionRequest,
  type RegistrationRequest,
  type TransactionView,
  type Verdicts,
} from '@atone/protocol';
import { Body, Controller, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Describe } from '../openapi/operation.decorator.js';
import { transactionPathSchema, waitQuerySchema, type WaitQuery } from './request.schemas.js';
import { traceContextOf } from './trace.context.js';
import { TransactionReader } from './transaction.reader.js';

type NoticesRequest = z.output<typeof noticesRequestSchema>;
type DoubtsRequest = z.output<typeof doubtsRequestSchema>;

interface TransactionPath {
  readonly gid: string;
}

const TRACE_HEADERS = {
  [HEADERS.traceparent]: 'W3C trace context, passed on to the participants.',
  [HEADERS.baggage]: 'W3C baggage, passed on to the participants. Its member `lane` names the lane.',
  [HEADERS.lane]: 'The lane, where neither the body nor the baggage names one.',
};

const READ_ERRORS = ['BAD_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;

/** Why a log will never write anything about a gid. */
const FOREIGN_GIDS = ['NOT_MY_TRANSACTION', 'TRANSACTION_TOO_OLD', 'LOG_RESTORED'] as const;

const WRITE_ERRORS = [
  ...READ_ERRORS,
  'WRONG_SECRET',
  'ALREADY_DECIDED',
  'BRANCH_CONFLICT',
  ...FOREIGN_GIDS,
  'OVERLOADED',
  'LOG_UNAVAILABLE',
] as const;

/** Led transactions, as their initiators and participants tell and ask of them. */
@Controller('v1/transactions')
export class LedController {
  constructor(
    private readonly engine: Engine,
    private readonly reader: TransactionReader,
  ) {}

  @Post('notices')
  @Describe({
    id: 'noticeTransactions',
    group: 'led',
    summary: 'Tells which led transactions are under way, and what they have called.',
    description:
      'For people, and nobody need wait for it: what is told is kept in memory and shown as hearsay, and nothing is written. It may be told again: of a transaction the first notice counts, of its calls the last. Until the deadline that it tells, those in doubt are told to wait.',
    answers: { 204: { description: 'It is heard. What makes no sense to this log is passed over.' } },
    errors: READ_ERRORS,
  })
  @HttpCode(204)
  notice(@Body({ schema: noticesRequestSchema }) { notices }: NoticesRequest): void {
    this.engine.notice(notices);
  }

  @Post('doubts')
  @Describe({
    id: 'settleDoubts',
    group: 'led',
    summary: 'Asks what was decided about branches whose deadline has passed.',
    description:
      'Only for participants, and only after the deadline by the clock of their own database: **to ask decides**. A transaction of which the log knows nothing is aborted by the question, and that is durable before it is answered.',
    answers: {
      200: { description: 'One verdict for each doubt, in the same order.', schema: verdictsSchema },
    },
    errors: [...READ_ERRORS, 'OVERLOADED', 'LOG_UNAVAILABLE'],
  })
  @HttpCode(200)
  async doubts(@Body({ schema: doubtsRequestSchema }) { doubts }: DoubtsRequest): Promise<Verdicts> {
    return { verdicts: [...(await this.engine.doubts(doubts))] };
  }

  @Put(':gid/decision')
  @Describe({
    id: 'decideTransaction',
    group: 'led',
    summary: 'Decides a led transaction: its initiator commits or aborts.',
    description:
      'The answer comes when the decision is durable. With `wait` it is held back until the branches have been told, as far as that happens in time. A repeat is confirmed only for the same secret and, of a commit, an equal list. As long as no answer has come nobody knows what was decided: ask again.',
    headers: TRACE_HEADERS,
    answers: {
      200: {
        description: 'It is decided as was asked for.',
        schema: transactionViewSchema,
        headers: { [HEADERS.idempotentReplayed]: '`true` when it had been decided so before.' },
      },
    },
    errors: WRITE_ERRORS,
  })
  @HttpCode(200)
  // oxlint-disable-next-line max-params -- Nest passes each part of a request by itself.
  async decide(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: decisionRequestSchema }) body: DecisionRequest,
    @Query({ schema: waitQuerySchema }) { wait = 0 }: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TransactionView> {
    const { lane, ...trace } = traceContextOf(reply.request.headers);
    const answer = await this.engine.decide(gid, { lane, ...body }, trace);
    if (answer.isRepeat) {
      void reply.header(HEADERS.idempotentReplayed, 'true');
    }
    return this.view(gid, answer, wait);
  }

  @Post(':gid/branches')
  @Describe({
    id: 'registerBranches',
    group: 'led',
    summary: 'Registers branches of a led transaction before it is decided.',
    description:
      'For services without a barrier, before they take effect, and for lists too long for a header. A registered branch that the decision does not list is undone. From then on the transaction is in the log, `active` until its deadline, which the registration tells.',
    headers: TRACE_HEADERS,
    answers: { 200: { description: 'They are durable.', schema: transactionViewSchema } },
    errors: WRITE_ERRORS,
  })
  @HttpCode(200)
  async register(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: registrationRequestSchema }) body: RegistrationRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TransactionView> {
    const { lane, ...trace } = traceContextOf(reply.request.headers);
    return viewOf(await this.engine.register(gid, { lane, ...body }, trace));
  }

  /** What was decided here just now is in memory; a repeat may concern what another coordinator drives. */
  private async view(gid: string, answer: DecideAnswer, waitMs: number): Promise<TransactionView> {
    if (waitMs === 0) {
      return viewOf(answer.snapshot);
    }
    return answer.isRepeat
      ? this.reader.view(gid, waitMs)
      : viewOf(await this.engine.waitForEnd(gid, waitMs));
  }
}
