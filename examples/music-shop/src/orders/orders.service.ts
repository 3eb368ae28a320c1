import {
  Action,
  RefusedError,
  type BranchContext,
  type InputOf,
  type OutputOf,
  type Undo,
} from '@atone/nestjs';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { orders } from '../contracts.js';
import { Order } from './order.entity.js';

type Create = typeof orders.create;
type Confirm = typeof orders.confirm;

/*
 * Each method writes through `branch.transaction`, which commits together with the library's own note that it was done.
 * So a call that is repeated has one effect, and no method here has to care.
 */

@Injectable()
export class OrdersService {
  @Action(orders.create, { compensate: 'cancel' })
  async create(input: InputOf<Create>, branch: BranchContext<EntityManager>): Promise<OutputOf<Create>> {
    const { orderNo } = input;
    const isTaken = await branch.transaction.existsBy(Order, { orderNo });
    if (isTaken) {
      throw new RefusedError('order number taken');
    }
    await branch.transaction.insert(Order, { ...input, state: 'pending', gid: branch.gid });
    return { orderNo };
  }

  async cancel({ input, reason, transaction }: Undo<Create, EntityManager>): Promise<void> {
    const { orderNo } = input;
    await transaction.update(Order, { orderNo }, { state: 'cancelled', cancelReason: reason });
  }

  // Nothing undoes a confirmation, so plans may use it only as the pivot or after it.
  @Action(orders.confirm, { compensate: 'none' })
  async confirm(
    { orderNo }: InputOf<Confirm>,
    branch: BranchContext<EntityManager>,
  ): Promise<OutputOf<Confirm>> {
    await branch.transaction.update(Order, { orderNo, state: 'pending' }, { state: 'confirmed' });
    return { orderNo };
  }
}
