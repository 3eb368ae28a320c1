import {
  Action,
  RefusedError,
  type BranchContext,
  type InputOf,
  type OutputOf,
  type Undo,
} from '@atone/nestjs';
import { Injectable } from '@nestjs/common';
import { MoreThanOrEqual, type EntityManager } from 'typeorm';
import { payments } from '../contracts.js';
import { Charge, type ChargeKind } from './charge.entity.js';
import { Wallet } from './wallet.entity.js';

type ChargeAction = typeof payments.charge;

@Injectable()
export class PaymentsService {
  @Action(payments.charge, { compensate: 'refund' })
  async charge(
    input: InputOf<ChargeAction>,
    branch: BranchContext<EntityManager>,
  ): Promise<OutputOf<ChargeAction>> {
    const { customerId, amountCents } = input;
    // One statement looks and takes, so that two orders cannot both see the last cent.
    const enough = { customerId, balanceCents: MoreThanOrEqual(amountCents) };
    const taken = await branch.transaction.decrement(Wallet, enough, 'balanceCents', amountCents);
    if (taken.affected === 0) {
      throw new RefusedError('insufficient funds', { customerId });
    }
    return { chargeId: await this.note('charge', input, branch.transaction) };
  }

  /** Never called by `place-order`, where the charge is the pivot; other sagas may put steps behind it. */
  async refund({ input, transaction }: Undo<ChargeAction, EntityManager>): Promise<void> {
    await transaction.increment(Wallet, { customerId: input.customerId }, 'balanceCents', input.amountCents);
    await this.note('refund', input, transaction);
  }

  private async note(
    kind: ChargeKind,
    { orderNo, customerId, amountCents }: InputOf<ChargeAction>,
    transaction: EntityManager,
  ): Promise<number> {
    const line = transaction.create(Charge, { kind, orderNo, customerId, amountCents });
    await transaction.insert(Charge, line);
    return line.chargeId;
  }
}
