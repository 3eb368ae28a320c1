/** A trip as it was booked. */
export interface Booking {
  readonly tripNo: number;
  readonly gid: string;
  readonly seats: number;
  readonly rooms: number;
  readonly cars: number;
  readonly premiumCents: number;
  readonly totalCents: number;
}

/** What one service has given to a trip for good, and what that costs. */
export interface Taken {
  readonly tripNo: number;
  readonly gid: string;
  readonly quantity: number;
  readonly cents: number;
}

/** What the services have given to trips. */
export type TakenByTrips = Readonly<Record<'seats' | 'rooms' | 'cars' | 'policies', readonly Taken[]>>;

const KINDS = ['seats', 'rooms', 'cars', 'policies'] as const;

/** Returns a sentence for each trip that has something else than was booked, or was booked for another price. */
export function agreementOf(bookings: readonly Booking[], taken: TakenByTrips): string[] {
  const booked = new Map(bookings.map((booking) => [keyOf(booking), booking]));
  const given = new Map(KINDS.map((kind) => [kind, new Map(taken[kind].map((one) => [keyOf(one), one]))]));
  const keys = new Set([...booked.keys(), ...KINDS.flatMap((kind) => taken[kind].map(keyOf))]);
  return [...keys].flatMap((key) => {
    const booking = booked.get(key);
    const wanted = wantedBy(booking);
    const has = KINDS.map((kind) => given.get(kind)?.get(key));
    const differing = KINDS.filter((kind, position) => wanted[kind] !== (has[position]?.quantity ?? 0)).map(
      (kind) =>
        `${key} has ${given.get(kind)?.get(key)?.quantity ?? 0} ${kind}, and ${wanted[kind]} were booked`,
    );
    const cents = has.reduce((sum, one) => sum + (one?.cents ?? 0), 0);
    const price = booking?.totalCents ?? 0;
    return price === cents ? differing : [...differing, `${key} costs ${price}, and has what costs ${cents}`];
  });
}

/** A trip that was tried twice has two transactions, and one of them has nothing. */
function keyOf({ tripNo, gid }: Pick<Taken, 'tripNo' | 'gid'>): string {
  return `trip ${tripNo} (${gid})`;
}

function wantedBy(booking: Booking | undefined): Readonly<Record<(typeof KINDS)[number], number>> {
  const { seats = 0, rooms = 0, cars = 0, premiumCents = 0 } = booking ?? {};
  return { seats, rooms, cars, policies: premiumCents > 0 ? 1 : 0 };
}
