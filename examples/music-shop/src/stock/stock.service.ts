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
import { stock } from '../contracts.js';
import { Reservation, type ReservationKind } from './reservation.entity.js';
import { Title } from './title.entity.js';

type Reserve = typeof stock.reserve;

@Injectable()
export class StockService {
  @Action(stock.reserve, { compensate: 'release' })
  async reserve(input: InputOf<Reserve>, branch: BranchContext<EntityManager>): Promise<OutputOf<Reserve>> {
    const { title, quantity } = input;
    // One statement looks and takes, so that two orders cannot both see the last CD.
    const enoughOnHand = { title, onHandQuantity: MoreThanOrEqual(quantity) };
    const taken = await branch.transaction.decrement(Title, enoughOnHand, 'onHandQuantity', quantity);
    if (taken.affected === 0) {
      // A final no: it is not asked again, and what the saga did so far is undone.
      throw new RefusedError('out of stock', { title });
    }
    return { reservationId: await this.note('reserve', input, branch.transaction) };
  }

  async release({ input, transaction }: Undo<Reserve, EntityManager>): Promise<void> {
    await transaction.increment(Title, { title: input.title }, 'onHandQuantity', input.quantity);
    await this.note('release', input, transaction);
  }

  private async note(
    kind: ReservationKind,
    { orderNo, title, quantity }: InputOf<Reserve>,
    transaction: EntityManager,
  ): Promise<number> {
    const line = transaction.create(Reservation, { kind, orderNo, title, quantity });
    await transaction.insert(Reservation, line);
    return line.reservationId;
  }
}
