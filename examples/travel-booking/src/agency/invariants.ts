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

/** The services that hold things, and the table and the key by which they know them. */
const HOLDERS = {
  flights: { table: 'flight', key: 'flight' },
  hotels: { table: 'hotel', key: 'hotel' },
  cars: { table: 'fleet', key: 'city' },
} as const;

type Holder = keyof typeof HOLDERS;
const HOLDER_NAMES = Object.keys(HOLDERS) as Holder[];

/** What a place holds must be what its moves say. */
function gapsOf({ table, key }: (typeof HOLDERS)[Holder]): string {
  return `
select ${key} || ' has ' || total || ' in all: ' || free || ' free, ' || held || ' held and ' || taken
  || ' taken; by its moves ' || coalesce(moved_held, 0) || ' are held and ' || coalesce(moved_taken, 0) || ' taken' as sentence
from ${table}
left join (
  select place as ${key}, sum(quantity) filter (where kind = 'confirm') as moved_taken,
    sum(case kind when 'hold' then quantity else -quantity end) as moved_held
  from move
  group by place
) as moved using (${key})
where total <> free + held + taken
  or held <> coalesce(moved_held, 0)
  or taken <> coalesce(moved_taken, 0)`;
}

function takenOf({ table, key }: (typeof HOLDERS)[Holder]): string {
  return `
select trip_no as "tripNo", gid, sum(quantity)::int as quantity, sum(quantity * price_cents)::int as cents
from move
join ${table} on ${key} = place
where kind = 'confirm'
group by trip_no, gid`;
}

function heldBy({ table }: (typeof HOLDERS)[Holder]): string {
  return `select coalesce(sum(held), 0)::int as count from ${table}`;
}

/**
 * Returns what is wrong: seats, rooms and cars are neither made nor lost, each booked trip has what was booked, at its price, any other
 * one nothing, and nothing happened twice.
 */
export async function checkInvariants(databases: TravelDatabases): Promise<Findings> {
  const [capacity, twice, bookings, taken, open] = await Promise.all([
    sentencesOf(databases, gapsOf),
    sentencesOf(databases, () => TWICE),
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
      ...HOLDER_NAMES.map((name) => databases[name](heldBy(HOLDERS[name]))),
      databases.insurance(DRAFTS),
      databases.bookings(PENDING),
    ]),
    Promise.all([...HOLDER_NAMES, 'bookings' as const].map((name) => databases[name](DOUBTS))),
  ]);
  return { heldCount: sumOf(held), doubtCount: sumOf(doubts) };
}

async function sentencesOf(
  databases: TravelDatabases,
  statementOf: (holder: (typeof HOLDERS)[Holder]) => string,
): Promise<string[]> {
  const rows = await Promise.all(
    HOLDER_NAMES.map(async (name) =>
      (await databases[name](statementOf(HOLDERS[name]))).map((row) => `${name}: ${String(row['sentence'])}`),
    ),
  );
  return rows.flat();
}

async function takenByTrips(databases: TravelDatabases): Promise<TakenByTrips> {
  const [flights, hotels, cars, insurance] = (await Promise.all([
    databases.flights(takenOf(HOLDERS.flights)),
    databases.hotels(takenOf(HOLDERS.hotels)),
    databases.cars(takenOf(HOLDERS.cars)),
    databases.insurance(POLICIES),
  ])) as unknown as [Taken[], Taken[], Taken[], Taken[]];
  return { seats: flights, rooms: hotels, cars, policies: insurance };
}

function sumOf(answers: readonly (readonly Readonly<Record<string, unknown>>[])[]): number {
  return answers.flat().reduce((sum, row) => sum + Number(row['count']), 0);
}
