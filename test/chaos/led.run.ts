import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../harness/until.js';
import type { Booking, Told } from '../harness/booking.contracts.js';
import { ACCOUNTS, LED_SERVERS, type LedChild, type LedServer, type LedWorld } from './led.world.js';

const IN_FLIGHT = 16;

/** How long an initiator that has died may take until it books again. */
const REBIRTH_MS = 50;

/** Where others die as well, a booking does not often come far. */
const DEATH_PATIENCE_MS = 120_000;

/** One death: who, after how many bookings have ended, and at which failpoint, if not at once. */
export type LedKill = { readonly afterCount: number } & (
  | { readonly victim: LedChild; readonly failpoint?: string | undefined }
  | { readonly victim: LedServer; readonly failpoint?: undefined }
);

/** Where a process dies, and what brings it there. */
export interface DeathBed {
  readonly victim: LedChild;
  readonly failpoint: string;
  /** Which pass of it, of those since it was armed. Default: the first. */
  readonly pass?: number;
  readonly booking?: Partial<Booking>;
  /** Whether somebody has to be in doubt: the decision comes late. */
  readonly needsDoubt?: boolean;
}

/** Draws `count` bookings of all kinds. */
export function drawBookings(count: number, random: () => number): readonly Partial<Booking>[] {
  return Array.from({ length: count }, () => {
    const holdsBelow = random() < 0.2 ? 1 + Math.floor(random() * 3) : 0;
    return {
      account: ACCOUNTS[Math.floor(random() * ACCOUNTS.length)] ?? 'ann',
      amount: (1 + Math.floor(random() * 4)) * Math.max(1, holdsBelow),
      holdsBelow,
      wantsExtra: random() < 0.3,
      regrets: random() < 0.15,
    };
  });
}

/** Draws `count` kills over a run of `bookingCount` bookings; every victim has its turn, every second time at a failpoint. */
export function drawLedKills(
  { count, bookingCount }: { readonly count: number; readonly bookingCount: number },
  failpoints: Readonly<Partial<Record<LedChild, readonly string[]>>>,
  random: () => number,
): readonly LedKill[] {
  const victims = Object.keys(failpoints) as LedChild[];
  return Array.from({ length: count }, (_, index) => {
    const victim = victims[index % victims.length] ?? 'coordinator';
    const names = failpoints[victim] ?? [];
    const isAtOnce = Math.floor(index / victims.length) % 2 === 0;
    return {
      victim,
      afterCount: Math.floor(((index + random()) / (count + 1)) * bookingCount),
      failpoint: isAtOnce ? undefined : names[Math.floor(random() * names.length)],
    };
  });
}

/** Draws `count` kills of PostgreSQL over a run of `bookingCount` bookings, its servers in turn. */
export function drawServerKills(
  count: number,
  bookingCount: number,
  random: () => number,
): readonly LedKill[] {
  return Array.from({ length: count }, (_, index) => ({
    victim: LED_SERVERS[index % LED_SERVERS.length] ?? 'log-postgres',
    afterCount: Math.floor(((index + random()) / (count + 1)) * bookingCount),
  }));
}

/** Books all, kills as told on the way, and settles when each booking was answered. */
export async function runBookings(
  world: LedWorld,
  bookings: readonly Partial<Booking>[],
  kills: readonly LedKill[] = [],
): Promise<readonly Told[]> {
  const queue = bookings.values();
  const pending = [...kills];
  const answers: Told[] = [];
  const lane = async (): Promise<void> => {
    for (const booking of queue) {
      // oxlint-disable-next-line no-await-in-loop -- each lane has one booking under way.
      answers.push(await answerTo(world, booking));
      while (pending[0] !== undefined && pending[0].afterCount <= answers.length) {
        strike(world, pending.shift());
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return answers;
}

/** Has a process die at a failpoint, and returns when it has. */
export async function dieAt(
  world: LedWorld,
  { victim, failpoint, pass, booking, needsDoubt }: DeathBed,
): Promise<void> {
  world.arm(victim, failpoint, { pass });
  await until(
    `the ${victim} has died at ${failpoint}`,
    async () => {
      await (needsDoubt === true ? orphan(world, victim) : world.book(booking));
      return !world.isArmed(victim);
    },
    DEATH_PATIENCE_MS,
  );
}

/** Books so that the deadline of the branches passes before the decision comes, and waits until `victim` has died of it. */
async function orphan(world: LedWorld, victim: LedChild): Promise<void> {
  void world.book({ timeoutMs: 600, decisionDelayMs: 3_000 });
  await until('it has died', () => !world.isArmed(victim), 3_000).catch(() => undefined);
}

function strike(world: LedWorld, kill: LedKill | undefined): void {
  if (kill?.failpoint === undefined) {
    world.kill(kill?.victim ?? 'coordinator');
  } else {
    world.arm(kill.victim, kill.failpoint);
  }
}

/** Books until there is an answer: whoever dies comes back, and a booking that was not answered is another transaction. */
async function answerTo(world: LedWorld, booking: Partial<Booking>): Promise<Told> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- see above
    const told = await world.book(booking);
    if (told !== undefined) {
      return told;
    }
    if (world.isStopped) {
      throw new Error('The world has ended before the booking was answered.');
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(REBIRTH_MS);
  }
}
