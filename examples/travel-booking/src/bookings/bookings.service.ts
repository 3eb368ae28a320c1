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
import { DataSource, type EntityManager } from 'typeorm';
import { bookings } from '../contracts.js';

type Store = typeof bookings.store;

const STORE = `
insert into booking (trip_no, gid, state, seats, rooms, has_car, car_refusal, premium_cents, total_cents)
values ($1, $2, 'pending', $3, $4, $5, $6, $7, $8)
on conflict (trip_no) do nothing
returning trip_no`;

const CONFIRM = `
update booking
set state = 'booked'
where trip_no = $1 and gid = $2`;

const CANCEL = `
delete from booking
where trip_no = $1 and gid = $2`;

const REFUSE = `
insert into refusal (trip_no, gid, reason)
values ($1, $2, $3)
on conflict (trip_no) do nothing`;

const FIND = `
select state, gid, null as reason
from booking
where trip_no = $1
union all
select 'refused', gid, reason
from refusal
where trip_no = $1`;

/** Why a trip is refused of which there is one already. */
export const NUMBER_TAKEN = 'trip number taken';

/** What is known of a trip. */
export interface KnownTrip {
  /** `pending`: somebody is about to book it. */
  readonly state: 'pending' | 'booked' | 'refused';
  readonly gid: string;
  readonly reason: string | null;
}

/** The bookings: a branch of the trips' transactions like any other, though their initiator carries it out itself. */
@Injectable()
export class BookingsService {
  constructor(private readonly database: DataSource) {}

  @Try(bookings.store, { confirm: 'confirm', cancel: 'strike' })
  async store(input: InputOf<Store>, branch: BranchContext<EntityManager>): Promise<OutputOf<Store>> {
    const { tripNo, seats, rooms, hasCar, carRefusal = null, premiumCents, totalCents } = input;
    const values = [tripNo, branch.gid, seats, rooms, hasCar, carRefusal, premiumCents, totalCents];
    const stored = await branch.transaction.query<unknown[]>(STORE, values);
    if (stored.length === 0) {
      throw new RefusedError(NUMBER_TAKEN);
    }
    return { tripNo };
  }

  async confirm({ gid, input, transaction }: Confirm<Store, EntityManager>): Promise<void> {
    await transaction.query(CONFIRM, [input.tripNo, gid]);
  }

  async strike({ gid, input, transaction }: Undo<Store, EntityManager>): Promise<void> {
    await transaction.query(CANCEL, [input.tripNo, gid]);
  }

  async find(tripNo: number): Promise<KnownTrip | undefined> {
    const [known] = await this.database.query<KnownTrip[]>(FIND, [tripNo]);
    return known;
  }

  /** Notes a final no, outside of the transaction: that is undone, and this has to stay. */
  async noteRefusal(tripNo: number, gid: string, reason: string): Promise<void> {
    await this.database.query(REFUSE, [tripNo, gid, reason]);
  }
}
