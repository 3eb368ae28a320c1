import { agreementOf, type Booking, type Taken, type TakenByTrips } from './agreement.js';

/*
 * What must hold once every trip is booked or not, whatever crashed meanwhile. It is computed from the five services' own databases,
 * so it trusts nothing that the coordinator says.
 */

/** Runs a statement in the database of one service. */
export type Query = (statement: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

type ServiceName = 'flights' | 'hotels' | 'cars' | 'insurance' | 'bookings';

export type TravelDatabases = Readonly<Record<ServiceName, Query>>;

/** What was found. Each list holds sentences, and is empty when all is well. */
export interface Findings {
  /** Seats, rooms and cars that were made or lost. */
  readonly capacity: readonly string[];
  /** Trips that have something else than was booked, or cost something else. */
  readonly bookings: readonly string[];
  /** Effects that happened more than once. */
  readonly twice: readonly string[];
  /** What is neither taken nor given back: seats, rooms, cars, drafts of policies and pending bookings. */
  readonly heldCount: number;
  /** Branches that had an effect, and that nobody has ended. */
  readonly doubtCount: number;
}

const BOOKINGS = `
select trip_no as "tripNo", gid, seats, rooms, has_car::int as cars, premium_cents as "premiumCents",
  total_cents as "totalCents"
from booking
where state = 'booked'`;

const POLICIES = `
select trip_no as "tripNo", gid, count(*)::int as quantity, sum(premium_cents)::int as cents
from policy
where state = 'in force'
group by trip_no, gid`;

const DRAFTS = `
select count(*)::int as count
from policy
where state = 'draft'`;

const PENDING = `
select count(*)::int as count
from booking
where state = 'pending'`;

/** What was refused has no effect, and is asked about only after its deadline. */
const DOUBTS = `
select count(*)::int as count
from atone.barrier
where doubt_at is not null and state <> 'refused'`;

/** Each branch is held once, and then either confirmed or cancelled, once. */
const TWICE = `
select gid || ' held it ' || held || ' times, confirmed it ' || confirmed || ' times and cancelled it ' || cancelled
  || ' times' as sentence
from (
  select gid, branch_id, count(*) filter (where kind = 'hold') as held,
    count(*) filter (where kind = 'confirm') as confirmed, count(*) filter (where kind = 'cancel') as cancelled
  from move
  group by gid, branch_id
) as branch
where held <> 1 or confirmed + cancelled > 1`;

/** What is held of a thing must be what its moves say. */
const GAPS = `
select item || ' has ' || total || ' in all: ' || free || ' free, ' || held || ' held and ' || taken
  || ' taken; by its moves ' || coalesce(moved_held, 0) || ' are held and ' || coalesce(moved_taken, 0) || ' taken' as sentence
from stock
left join (
  select item, sum(quantity) filter (where kind = 'confirm') as moved_taken,
    sum(case kind when 'hold' then quantity else -quantity end) as moved_held
  from move
  group by item
) as moved using (item)
where total <> free + held + taken
  or held <> coalesce(moved_held, 0)
  or taken <> coalesce(moved_taken, 0)`;

const TAKEN = `
select trip_no as "tripNo", gid, sum(quantity)::int as quantity, sum(quantity * price_cents)::int as cents
from move
join stock using (item)
where kind = 'confirm'
group by trip_no, gid`;

const HELD = 'select coalesce(sum(held), 0)::int as count from stock';

/** The services that hold things. */
const HOLDERS = ['flights', 'hotels', 'cars'] as const;

/**
 * Returns what is wrong: seats, rooms and cars are neither made nor lost, each booked trip has what was booked, at its price, any other
 * one nothing, and nothing happened twice.
 */
export async function checkInvariants(databases: TravelDatabases): Promise<Findings> {
  const [capacity, twice, bookings, taken, open] = await Promise.all([
    sentencesOf(databases, GAPS),
    sentencesOf(databases, TWICE),
    databases.bookings(BOOKINGS) as Promise<unknown> as Promise<Booking[]>,
    takenByTrips(databases),
    countOpen(databases),
  ]);
  return { capacity, twice, bookings: agreementOf(bookings, taken), ...open };
}

/** Returns how much is held, and how many branches are in doubt: 0 of both once all transactions have ended. */
export async function countOpen(
  databases: TravelDatabases,
): Promise<Pick<Findings, 'heldCount' | 'doubtCount'>> {
  const [held, doubts] = await Promise.all([
    Promise.all([
      ...HOLDERS.map((name) => databases[name](HELD)),
      databases.insurance(DRAFTS),
      databases.bookings(PENDING),
    ]),
    Promise.all([...HOLDERS, 'bookings' as const].map((name) => databases[name](DOUBTS))),
  ]);
  return { heldCount: sumOf(held), doubtCount: sumOf(doubts) };
}

async function sentencesOf(databases: TravelDatabases, statement: string): Promise<string[]> {
  const rows = await Promise.all(
    HOLDERS.map(async (name) =>
      (await databases[name](statement)).map((row) => `${name}: ${String(row['sentence'])}`),
    ),
  );
  return rows.flat();
}

async function takenByTrips(databases: TravelDatabases): Promise<TakenByTrips> {
  const [flights, hotels, cars, insurance] = (await Promise.all([
    databases.flights(TAKEN),
    databases.hotels(TAKEN),
    databases.cars(TAKEN),
    databases.insurance(POLICIES),
  ])) as unknown as [Taken[], Taken[], Taken[], Taken[]];
  return { seats: flights, rooms: hotels, cars, policies: insurance };
}

function sumOf(answers: readonly (readonly Readonly<Record<string, unknown>>[])[]): number {
  return answers.flat().reduce((sum, row) => sum + Number(row['count']), 0);
}
