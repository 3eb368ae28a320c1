import type { OperatorAct } from '@atone/core';
import { Engine, viewOf } from '@atone/engine';
import { actRequestSchema, type TransactionView } from '@atone/protocol';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { branchPathSchema, retryBodySchema, transactionPathSchema } from './request.schemas.js';

type ActRequest = z.output<typeof actRequestSchema>;
type RetryRequest = z.output<typeof retryBodySchema>;

interface TransactionPath {
  readonly gid: string;
}

/** Who acted, where the caller does not say. */
const BY_DEFAULT = 'api';

/** What operators may do to a transaction. The engine decides whether its state allows it. */
@Controller('v1/transactions/:gid')
export class ActsController {
  constructor(private readonly engine: Engine) {}

  @Post('retry')
  @HttpCode(200)
  async retry(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: retryBodySchema }) body: RetryRequest,
  ): Promise<TransactionView> {
    const { by = BY_DEFAULT, reason = 'no reason given', branchId } = body ?? {};
    return this.act(gid, { type: 'retry', by, reason, branchId });
  }

  @Post('abort')
  @HttpCode(200)
  async abort(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'abort', by, reason });
  }

  @Post('pause')
  @HttpCode(200)
  async pause(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'pause', by, reason });
  }

  @Post('resume')
  @HttpCode(200)
  async resume(
    @Param({ schema: transactionPathSchema }) { gid }: TransactionPath,
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'resume', by, reason });
  }

  @Post('branches/:branchId/skip')
  @HttpCode(200)
  async skip(
    @Param({ schema: branchPathSchema }) { gid, branchId }: TransactionPath & { branchId: string },
    @Body({ schema: actRequestSchema }) { by = BY_DEFAULT, reason }: ActRequest,
  ): Promise<TransactionView> {
    return this.act(gid, { type: 'skip', by, reason, branchId });
  }

  private async act(gid: string, act: OperatorAct): Promise<TransactionView> {
    return viewOf(await this.engine.act(gid, act));
  }
}
