import type { OperatorAct } from '@atone/core';
import { Engine, TransactionNotFoundError, viewOf } from '@atone/engine';
import {
  actRequestSchema,
  HEADERS,
  resolveRequestSchema,
  skipRequestSchema,
  transactionViewSchema,
  type TransactionView,
} from '@atone/protocol';
import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Describe } from '../openapi/operation.decorator.js';
import { RequestError } from './request.error.js';
import { branchPathSchema, retryBodySchema, transactionPathSchema } from './request.schemas.js';

type ActRequest = z.output<typeof actRequestSchema>;
type ResolveRequest = z.output<typeof resolveRequestSchema>;
type SkipRequest = z.output<typeof skipRequestSchema>;
type RetryRequest = z.output<typeof retryBodySchema>;

interface TransactionPath {
  readonly gid: string;
}

const DONE = { 200: { description: 'The act is durable.', schema: transactionViewSchema } };

const ACT_ERRORS = [
  'BAD_REQUEST',
  'NOT_FOUND',
  'ACT_NOT_POSSIBLE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'LOG_UNAVAILABLE',
] as const;

/** Who acted, where the caller does not say. */
const BY_DEFAULT = 'api';

/** What operators may do to a transaction. The engine decides whether its state allows it. */
@Controller('v1/transactions/:gid')
export class ActsController {
  constructor(private readonly engine: Engine) {}

  @Post('retry')
  @Describe({
    id: 'retryTransaction',
    group: 'acts',
    summary: 'Asks again at once: all branches that are stuck or wait, or just one.',
    answers: DONE,
    errors: ACT_ERRORS,
  })
  @HttpCode(200)
  async retry(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: retryBodySchema }) body: RetryRequest,
  ): Promise<TransactionView> {
    const { by = BY_DEFAULT, reason = 'no reason given', branchId } = body ?? {};
    return this.act(gid, { type: 'retry', by, reason, branchId });
  }

  @Post('abort')
  @Describe({
    id: 'abortTransaction',
    group: 'acts',
    summary: 'Decides to abort, where nothing is decided yet.',
    answers: DONE,
    errors: ACT_ERRORS,
  })
  @HttpCode(200)
  async abort(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'abort', by, reason });
  }

  @Post('pause')
  @Describe({
    id: 'pauseTransaction',
    group: 'acts',
    summary: 'Sends nothing more until it is resumed.',
    answers: DONE,
    errors: ACT_ERRORS,
  })
  @HttpCode(200)
  async pause(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'pause', by, reason });
  }

  @Post('resume')
  @Describe({
    id: 'resumeTransaction',
    group: 'acts',
    summary: 'Goes on after a pause.',
    answers: DONE,
    errors: ACT_ERRORS,
  })
  @HttpCode(200)
  async resume(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'resume', by, reason });
  }

  @Post('resolve')
  @Describe({
    id: 'resolveTransaction',
    group: 'acts',
    summary: 'Decides a led transaction where the log cannot, because it was restored, say.',
    description:
      'Only where the transaction is stuck by `log-restored` or `undecidable`: those in doubt are then referred to people. The decision is durable, and is brought to the branches that participants have asked this coordinator about; what asks later is judged by it. A commit names each branch that is to be confirmed: what it does not name is undone, also when it asks later. To ask for the same again changes nothing.',
    answers: {
      200: {
        description: 'It is decided as was asked for.',
        schema: transactionViewSchema,
        headers: { [HEADERS.idempotentReplayed]: '`true` when it had been resolved so before.' },
      },
    },
    errors: [...ACT_ERRORS, 'ALREADY_DECIDED', 'BRANCH_CONFLICT', 'NOT_MY_TRANSACTION', 'OVERLOADED'],
  })
  @HttpCode(200)
  async resolve(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: resolveRequestSchema }) body: ResolveRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TransactionView> {
    const { to, by = BY_DEFAULT, reason, branches } = body;
    const answer = await this.engine.resolve(gid, { to, by, reason, branchIds: branches ?? [] });
    if (answer.isRepeat) {
      void reply.header(HEADERS.idempotentReplayed, 'true');
    }
    return viewOf(answer);
  }

  @Post('branches/:branchId/skip')
  @Describe({
    id: 'skipBranch',
    group: 'acts',
    summary: 'Goes on without a branch, or without undoing it.',
    description:
      'The participant first closes the branch, so that it cannot take effect later. An undo that waits behind it goes on when a first attempt at that got no answer. With `force` an earlier skip that is not acknowledged is given up, and the branch left out at once.',
    answers: DONE,
    errors: ACT_ERRORS,
  })
  @HttpCode(200)
  async skip(
    @Param({ schema: branchPathSchema }) { gid, branchId }: TransactionPath & { branchId: string },
    @Body({ schema: skipRequestSchema }) { by = BY_DEFAULT, reason, force }: SkipRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'skip', by, reason, branchId, force });
  }

  private async act(gid: string, act: OperatorAct): Promise<TransactionView> {
    try {
      return viewOf(await this.engine.act(gid, act));
    } catch (error) {
      if (error instanceof TransactionNotFoundError && this.engine.hearsay(gid) !== undefined) {
        throw onlyHeardOf(gid);
      }
      throw error;
    }
  }
}

function onlyHeardOf(gid: string): RequestError {
  return new RequestError(
    'ACT_NOT_POSSIBLE',
    `Transaction ${gid} is only heard of, and nothing of it is in the log to act on. Its initiator decides it; or, if ` +
      'that dies, the first participant that asks after the deadline: then it is aborted. Where it is stuck, `resolve` it.',
    { gid },
  );
}
