import {
  action,
  contract,
  RefusedError,
  tryAction,
  type ActionHandler,
  type Barrier,
  type GlobalTransactions,
  type LocalDatabase,
  type ServiceClient,
} from '@atone/participant';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import { z } from 'zod';
import type { JoinedService, TestingCoordinator } from '../testing.coordinator.js';

export const hotels = contract('hotels', {
  hold: tryAction({
    input: z.object({ trip: z.string(), nights: z.int() }),
    output: z.object({ room: z.int() }),
  }),
});

export const miles = contract('miles', {
  spend: action({ input: z.object({ trip: z.string() }), output: z.null() }),
});

type Stay = z.infer<typeof hotels.hold.input>;

/** What stands in the books of one service, for one trip. */
interface Entry {
  readonly what: string;
  readonly trip: string;
}

/** How the services differ from good ones. */
export interface ServiceChange {
  readonly hold?: Partial<ActionHandler<MemoryTransaction>>;
  readonly spend?: Partial<ActionHandler<MemoryTransaction>>;
  /** What the hotels have in the place of a barrier. */
  readonly barrier?: (database: LocalDatabase<MemoryTransaction>) => Barrier<MemoryTransaction>;
}

/** Two services, each with its own database: hotels hold rooms by try, confirm and cancel, and miles are spent by a saga's action. */
export class LedWorld {
  readonly hotels = new MemoryDatabase();
  readonly miles = new MemoryDatabase();
  readonly transactions: GlobalTransactions;
  readonly hotelClient: ServiceClient<typeof hotels>;
  readonly milesClient: ServiceClient<typeof miles>;
  private joined: { readonly hotels?: JoinedService; readonly miles?: JoinedService } = {};

  constructor(private readonly atone: TestingCoordinator) {
    this.transactions = atone.globalTransactions({ service: 'trips' });
    this.hotelClient = atone.serviceClient(hotels);
    this.milesClient = atone.serviceClient(miles);
    this.open();
  }

  /** Has the services take part anew, changed in what `change` says. */
  open({ hold, spend, barrier }: ServiceChange = {}): void {
    for (const service of Object.values(this.joined)) {
      service.leave();
    }
    const connection = this.hotels.connect();
    this.joined = {
      hotels: this.atone.serve({
        service: 'hotels',
        database: connection,
        handlers: [{ ...HOLD, ...hold }],
        barrier: barrier?.(connection),
      }),
      miles: this.atone.serve({
        service: 'miles',
        database: this.miles.connect(),
        handlers: [{ ...SPEND, ...spend }],
      }),
    };
  }

  /** Has no instance of a service be there any more. */
  leave(service: 'hotels' | 'miles'): void {
    this.joined[service]?.leave();
  }

  /** Books a trip: a room is held, and miles are spent. */
  book(trip: string, nights = 2): Promise<{ readonly room: number }> {
    return this.transactions.run({ name: 'book-trip', timeout: '30s' }, async () => {
      const { room } = await this.hotelClient.hold({ trip, nights });
      await this.milesClient.spend({ trip });
      return { room };
    });
  }

  /** Returns what the services have done for a trip, in order. */
  entriesOf(trip: string): { readonly hotels: readonly string[]; readonly miles: readonly string[] } {
    return { hotels: whatOf(this.hotels, trip), miles: whatOf(this.miles, trip) };
  }
}

function whatOf(database: MemoryDatabase, trip: string): readonly string[] {
  const entries = database.entries as unknown as readonly Entry[];
  return entries.filter((entry) => entry.trip === trip).map(({ what }) => what);
}

const HOLD: ActionHandler<MemoryTransaction> = {
  contract: hotels.hold,
  run: async (input, { transaction }) => {
    const { trip, nights } = input as Stay;
    if (nights > 7) {
      throw new RefusedError('no room for so long');
    }
    transaction.record({ what: 'held', trip });
    return { room: 7 };
  },
  confirm: async ({ input, transaction }) =>
    transaction.record({ what: 'booked', trip: (input as Stay).trip }),
  compensate: async ({ input, transaction }) =>
    transaction.record({ what: 'released', trip: (input as Stay).trip }),
};

const SPEND: ActionHandler<MemoryTransaction> = {
  contract: miles.spend,
  run: async (input, { transaction }) => {
    transaction.record({ what: 'spent', trip: (input as { trip: string }).trip });
    return null;
  },
  compensate: async ({ input, transaction }) =>
    transaction.record({ what: 'given back', trip: (input as { trip: string }).trip }),
};
