import { setTimeout as rest } from 'node:timers/promises';
import { until } from '../harness/until.js';
import { COORDINATORS, type ChaosWorld, type CoordinatorName } from './chaos.world.js';
import type { OrderLoad } from './order.load.js';
import { deedsOf, heldBy, journalViolations, lastLine } from './row.journal.js';

/** One pause of a coordinator that is in the middle of many orders. */
export interface Pause {
  readonly victim: CoordinatorName;
  /**
   * `within` its lease; `past` it, so that the other one takes over; `relay`: past it, and the heir is frozen in its turn
   * as soon as it has taken over, until the victim has taken everything back.
   */
  readonly lasts: 'within' | 'past' | 'relay';
  /** From the first order of a burst to the pause. */
  readonly afterMs: number;
  /** How long it stays frozen: from the beginning, or after it has lost everything. */
  readonly forMs: number;
}

const PATTERN = ['past', 'within', 'past', 'relay', 'past', 'within'] as const;

/** A few seconds before a lease of 6 s that is renewed every 2 s is over. */
const WITHIN_MS_MAX = 3_000;

/** Past it, sometimes long enough for statements and requests that are under way to run out of time, too. */
const PAST_MS_MAX = 7_000;

const BURST = 30;

/** Who is not answered for long on a busy machine places its order at the other one, so that another burst is needed. */
const BURST_AGAIN_MS = 5_000;
const ACCEPTED_MS_MAX = 60_000;

/** Returns whom else there is. */
function otherThan(coordinator: CoordinatorName): CoordinatorName {
  return coordinator === COORDINATORS[0] ? COORDINATORS[1] : COORDINATORS[0];
}

/** Draws `count` pauses, of both coordinators in turn. */
export function drawPauses(count: number, random: () => number): readonly Pause[] {
  return Array.from({ length: count }, (_, index) => {
    const lasts = PATTERN[index % PATTERN.length] ?? 'past';
    return {
      // The turn changes after each round of the pattern, so that both live through all of it.
      victim: COORDINATORS[(index + Math.floor(index / PATTERN.length)) % 2] ?? 'coordinator',
      lasts,
      afterMs: Math.floor(random() * 100),
      // Many short ones among them: the heir is then in the middle of what it has taken.
      forMs: Math.floor(lasts === 'within' ? random() * WITHIN_MS_MAX : random() ** 2 * PAST_MS_MAX),
    };
  });
}

/** Freezes a coordinator with orders under way, and lets it go on again. */
export async function pauseOnce(world: ChaosWorld, load: OrderLoad, pause: Pause): Promise<void> {
  const { victim, lasts, forMs } = pause;
  const heir = otherThan(victim);
  await freezeBusy(world, load, pause);
  if (lasts !== 'within') {
    await until(`the ${heir} has taken all`, async () => (await heldBy(world, victim)).length === 0);
  }
  if (lasts === 'relay') {
    world.freeze(heir);
    world.thaw(victim);
    await until(`the ${victim} has taken all back`, async () => (await heldBy(world, heir)).length === 0);
    await rest(forMs);
    world.thaw(heir);
  } else {
    await rest(forMs);
    world.thaw(victim);
  }
}

/** Returns the transactions of which a coordinator has said that they are another's now. */
export function lostAt(world: ChaosWorld, coordinator: CoordinatorName): readonly string[] {
  const lines = world.linesOf(coordinator);
  return lines.flatMap(({ msg, gid = '' }) => (msg === 'transaction lost to another instance' ? [gid] : []));
}

/**
 * Puts a coordinator to sleep with orders under way that cannot go on, has the other one take them over, wakes it, and
 * returns the transactions it had. Nobody can end any of them before `stock` is thawed.
 */
export async function oversleep(
  world: ChaosWorld,
  load: OrderLoad,
  sleeper: CoordinatorName,
): Promise<readonly string[]> {
  world.freeze('stock');
  load.burst(sleeper, BURST);
  const gids = await until('all orders are under way', async () => {
    const own = await heldBy(world, sleeper);
    // Who waits for too long on a busy machine places the order at the other one.
    const others = await heldBy(world, otherThan(sleeper));
    return own.length > 0 && own.length + others.length === BURST && own;
  });
  world.freeze(sleeper);
  await until('the other one has taken all', async () => (await heldBy(world, sleeper)).length === 0);
  world.thaw(sleeper);
  return gids;
}

/** Returns, in sentences, all that does not hold when every order has ended. */
export async function verdict(world: ChaosWorld, load: OrderLoad): Promise<readonly string[]> {
  const untrue = await load.settle();
  return [...untrue, ...(await world.violations(load.placedCount)), ...(await journalViolations(world))];
}

async function freezeBusy(world: ChaosWorld, load: OrderLoad, { victim, afterMs }: Pause): Promise<void> {
  for (;;) {
    // oxlint-disable no-await-in-loop -- once more, should all orders have ended before the pause.
    const before = await lastLine(world);
    const placeMore = everySoOften(() => load.burst(victim, BURST));
    await until(
      `the ${victim} has accepted some`,
      async () => {
        placeMore();
        const { acceptedCount } = await deedsOf(world, victim, before);
        return acceptedCount > 0;
      },
      ACCEPTED_MS_MAX,
    );
    await rest(afterMs);
    world.freeze(victim);
    if ((await heldBy(world, victim)).length > 0) {
      return;
    }
    world.thaw(victim);
    // oxlint-enable no-await-in-loop
  }
}

/** Returns `work` to be called as often as one likes, which is done at once, and then whenever `BURST_AGAIN_MS` have passed. */
function everySoOften(work: () => void): () => void {
  let nextAt = performance.now();
  return () => {
    if (performance.now() >= nextAt) {
      nextAt = performance.now() + BURST_AGAIN_MS;
      work();
    }
  };
}
