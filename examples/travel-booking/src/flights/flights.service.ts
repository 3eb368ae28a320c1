import {
  RefusedError,
  Try,
  type BranchContext,
  type Confirm,
  type InputOf,
  type OutputOf,
  type Undo,
} from '@atone/nestjs';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { flights } from '../contracts.js';
import { NOTE_MOVE } from '../stock/stock.sql.js';

type Hold = typeof flights.hold;

/** Looks and takes at once, so that two trips cannot both see the last seat. */
const HOLD = `
update stock
set free = free - $2, held = held + $2
where item = $1 and free >= $2
returning price_cents as "priceCents"`;

const CONFIRM = `
update stock
set held = held - $2, taken = taken + $2
where item = $1`;

const CANCEL = `
update stock
set held = held - $2, free = free + $2
where item = $1`;

/** What a try and its end know of their branch. */
type Branch = Pick<BranchContext<EntityManager>, 'gid' | 'branchId' | 'transaction'>;

/*
 * Each method writes through `transaction`, which commits together with the library's own note that it was done. So what is repeated
 * has one effect, a cancel that comes before its try keeps it from having any, and no method here has to care.
 */

@Injectable()
export class FlightsService {
  @Try(flights.hold, { confirm: 'sell', cancel: 'release' })
  async hold(input: InputOf<Hold>, branch: BranchContext<EntityManager>): Promise<OutputOf<Hold>> {
    const { flight, seats } = input;
    const [rows] = await branch.transaction.query<[{ priceCents: number }[], number]>(HOLD, [flight, seats]);
    const [held] = rows;
    if (held === undefined) {
      // A final no: the trip is not made, and what was held for it elsewhere is cancelled.
      throw new RefusedError('no seat', { flight });
    }
    await note('hold', input, branch);
    return { priceCents: held.priceCents * seats };
  }

  async sell({ input, ...branch }: Confirm<Hold, EntityManager>): Promise<void> {
    await branch.transaction.query(CONFIRM, [input.flight, input.seats]);
    await note('confirm', input, branch);
  }

  async release({ input, ...branch }: Undo<Hold, EntityManager>): Promise<void> {
    await branch.transaction.query(CANCEL, [input.flight, input.seats]);
    await note('cancel', input, branch);
  }
}

async function note(
  kind: 'hold' | 'confirm' | 'cancel',
  { tripNo, flight, seats }: InputOf<Hold>,
  { gid, branchId, transaction }: Branch,
): Promise<void> {
  await transaction.query(NOTE_MOVE, [kind, gid, branchId, tripNo, flight, seats]);
}
