import { Inject, Injectable } from '@nestjs/common';
import type { AtoneClient, PayloadSchema, Saga, SubmitOptions, SubmitResult } from '@atone/participant';
import type { Json } from '@atone/core';
import type { Submission, TransactionView } from '@atone/protocol';
import type { z } from 'zod';
import { ATONE_CLIENT } from './atone.options.js';

/** Starts global transactions, and tells what became of them. */
@Injectable()
export class Sagas {
  constructor(
    /** The whole API of the coordinator. */
    @Inject(ATONE_CLIENT) readonly client: AtoneClient,
  ) {}

  /**
   * Starts `saga` with `input`. With an idempotency key it starts once, however often it is called.
   *
   * @throws InvalidSagaInputError when `input` does not fit; nothing was sent.
   * @throws AtoneClientError when the coordinator did not say yes.
   */
  submit<Schema extends PayloadSchema, Outputs extends object>(
    saga: Saga<Schema, Outputs>,
    input: z.input<Schema>,
    options?: SubmitOptions,
  ): Promise<SubmitResult<Outputs>> {
    return this.client.submit(saga, input, options);
  }

  /** Starts a transaction from a plan in JSON. Throws as `submit` does. */
  submitPlan(plan: Submission, options?: SubmitOptions): Promise<SubmitResult<Record<string, Json>>> {
    return this.client.submitPlan(plan, options);
  }

  /** Returns what is known of `gid`, at the latest after `wait`, before that when it has ended. */
  get(gid: string, options?: Parameters<AtoneClient['get']>[1]): Promise<TransactionView> {
    return this.client.get(gid, options);
  }
}
